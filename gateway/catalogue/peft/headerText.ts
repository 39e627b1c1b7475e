/**
 * Reads JSON of a known shape front to back, in linear time and without recursion: what nests deeper than the caller
 * asks for is an error where it begins. `JSON.parse` would take the last of two equal keys and round large numbers.
 * Throws an Error that says what was expected where.
 */
export class HeaderText {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Calls `member` for each key of an object, after its colon. A key that comes twice is an error. */
  object(member: (key: string) => void): void {
    this.#take('{');
    const seen = new Set<string>();
    if (this.#tookIf('}')) return;
    do {
      const key = this.string();
      if (seen.has(key)) throw new Error(`expected each name once, got ${quote(key)} again`);
      seen.add(key);
      this.#take(':');
      member(key);
    } while (this.#tookIf(','));
    this.#take('}');
  }

  /** Whole numbers from 0, at most `most` of them. */
  numbers(most: number): number[] {
    this.#take('[');
    const numbers: number[] = [];
    if (this.#tookIf(']')) return numbers;
    do {
      if (numbers.length === most) throw new Error(`expected at most ${most} numbers at byte ${this.#at}`);
      numbers.push(this.#number());
    } while (this.#tookIf(','));
    this.#take(']');
    return numbers;
  }

  string(): string {
    this.#take('"', 'a text');
    const start = this.#at - 1;
    let isEscaped = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (Number.isNaN(code)) throw this.#unexpected('the end of a text');
      this.#at += 1;
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        isEscaped = true;
        this.#at += 1;
      } else if (code < SPACE) throw this.#unexpected('a text without control characters');
    }
    const literal = this.#text.slice(start, this.#at);
    return isEscaped ? this.#unescape(literal) : literal.slice(1, -1);
  }

  /** Nothing but white space may be left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected('the end of the header');
  }

  #number(): number {
    this.#skipSpace();
    const start = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at += 1;
    const digits = this.#text.slice(start, this.#at);
    const isWhole = /^(?:0|[1-9]\d*)$/.test(digits) && !/[.eE]/.test(this.#text.charAt(this.#at));
    const value = Number(digits);
    if (!isWhole || !Number.isSafeInteger(value)) {
      this.#at = start;
      throw this.#unexpected('a whole number from 0 to 2^53');
    }
    return value;
  }

  #unescape(literal: string): string {
    try {
      return JSON.parse(literal) as string;
    } catch {
      throw new Error(`expected a text of JSON, got ${quote(literal)}`);
    }
  }

  #take(character: string, expected = `"${character}"`): void {
    if (!this.#tookIf(character)) throw this.#unexpected(expected);
  }

  #tookIf(character: string): boolean {
    this.#skipSpace();
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && WHITE_SPACE.includes(this.#text.charAt(this.#at))) this.#at += 1;
  }

  #unexpected(expected: string): Error {
    const got = this.#text.slice(this.#at, this.#at + 16);
    return new Error(`expected ${expected} at byte ${this.#at}, got ${got === '' ? 'the end' : quote(got)}`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const WHITE_SPACE = ' \n\r\t';
const MAX_SHOWN = 96;

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** A name out of a file, as a message shows it. */
export function quote(text: string): string {
  return JSON.stringify(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}...`);
}
