const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const SPACE = /[ \t\n\r]*/y;

/**
 * Where `text` stops being JSON, as an offset in UTF-16 units: V8's own message repeats the text around the place,
 * which may be a prompt. Without recursion, so that nesting costs no stack. RFC 8259.
 */
export function jsonErrorPosition(text: string): number {
  /** Open brackets; `expects` says what may come next. */
  const open: ('{' | '[')[] = [];
  let expects: 'value' | 'firstKey' | 'key' | 'colon' | 'firstItem' | 'more' = 'value';
  let at = 0;
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  while (take(SPACE) && at < text.length) {
    const char = text[at];
    const closes = (char === '}' && open.at(-1) === '{') || (char === ']' && open.at(-1) === '[');
    if (closes && (expects === 'more' || expects === (char === '}' ? 'firstKey' : 'firstItem'))) {
      open.pop();
      at += 1;
      expects = 'more';
    } else if (expects === 'more') {
      if (char !== ',' || open.length === 0) return at;
      at += 1;
      expects = open.at(-1) === '{' ? 'key' : 'value';
    } else if (expects === 'colon') {
      if (char !== ':') return at;
      at += 1;
      expects = 'value';
    } else if (expects === 'key' || expects === 'firstKey') {
      const end = stringEnd(text, at);
      if (end < 0) return at;
      at = end;
      expects = 'colon';
    } else if (char === '{' || char === '[') {
      open.push(char);
      at += 1;
      expects = char === '{' ? 'firstKey' : 'firstItem';
    } else {
      const end = stringEnd(text, at);
      if (end >= 0) at = end;
      else if (!take(NUMBER) && !take(WORD)) return at;
      expects = 'more';
    }
  }
  return at;
}

/** Behind the string that begins at `start`; -1 when none does, or it is broken. A loop: a pattern's stack is bounded. */
function stringEnd(text: string, start: number): number {
  if (text[start] !== '"') return -1;
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return -1;
    if (code === 0x5c) {
      ESCAPE.lastIndex = at;
      if (!ESCAPE.test(text)) return -1;
      at = ESCAPE.lastIndex;
    } else {
      at += 1;
    }
  }
  return -1;
}
