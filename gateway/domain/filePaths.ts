/** Within quotes a path may hold anything but these. */
const QUOTED = /(["'`])(?:file:\/\/)?\/[^"'`\n]*\/([^"'`\n/]*)\1/g;
/** Elsewhere it ends at a space; `…` is where a text was cut, maybe in a path. */
const PLAIN = /(?:file:\/\/\/|…[^\s/"'`|]*\/|(?<![\w/.:])\.{0,2}\/)((?:[^\s/"'`|]+\/)*)([^\s/"'`|]*)/g;

/**
 * A text for clients, whom the operator's directories do not concern: of each file path its last part. `known`: paths
 * that are looked for as they are, whatever they hold.
 */
export function withoutPaths(text: string, known: readonly string[] = []): string {
  let shown = text;
  for (const path of known) shown = shown.replaceAll(path, path.slice(path.lastIndexOf('/') + 1));
  return shown
    .replace(QUOTED, '$1$2$1')
    .replace(PLAIN, (whole: string, directories: string, name: string) =>
      isPath(whole, directories) ? `${whole.startsWith('…') ? '…' : ''}${name}` : whole,
    );
}

/** A slash alone, as in "a / b", or before one word, names no directory. */
function isPath(whole: string, directories: string): boolean {
  return directories !== '' || !whole.startsWith('/');
}
