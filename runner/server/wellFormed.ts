/** An escaped backslash, or half of a surrogate pair: JSON.stringify escapes no other surrogate. */
const ESCAPE = /\\\\|\\ud[89a-f][0-9a-f]{2}/g;

/**
 * JSON that every parser takes. A client may cut an emoji in two, which JavaScript carries along and the native side's
 * JSON refuses as a whole; the half becomes U+FFFD, as it does wherever text is encoded as UTF-8.
 */
export function wellFormedJson(value: unknown): string {
  const json = JSON.stringify(value);
  if (!json.includes('\\ud')) return json;
  return json.replaceAll(ESCAPE, (escape) => (escape === '\\\\' ? escape : '\ufffd'));
}
