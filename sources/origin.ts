/** One file of a source, in the version that it has now. */
export interface OriginFile {
  /** Relative, with `/`; the file's own name when the source is one file. */
  readonly name: string;
  readonly bytes: number;
  /** Changes with the content; null when the source has no such thing. */
  readonly etag: string | null;
  readonly modifiedAtEpochMs: number | null;
  /** Of the whole file, 64 hex digits, when the source knows it. */
  readonly sha256: string | null;
  /** Whether a read may begin in the middle. */
  readonly ranges: boolean;
}

/** A place that weights are read from. Everything throws SourceError. */
export interface Origin {
  /** As messages may show it. */
  readonly uri: string;
  /** Sorted by name; all shards when the source is the first one of a split model. */
  files(signal?: AbortSignal): Promise<readonly OriginFile[]>;
  /**
   * The bytes from `from` to before `to` of this version: `changed` when there is another, `network` when they end too
   * early. Makes one attempt. Where `ranges` is false, `from` is 0 and `to` the end.
   */
  read(file: OriginFile, from: number, to: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Name of one file of a split model, as llama-gguf-split and the hub's safetensors have it. */
const SHARD = /^(.*?)-(\d{5})-of-(\d{5})(\.[A-Za-z0-9]+)$/;
const MOST_SHARDS = 1000;

/** The names of all shards when `name` is the first of a split model; `name` alone otherwise. */
export function shardNames(name: string): string[] {
  const [, prefix, number, total, suffix] = SHARD.exec(name) ?? [];
  if (total === undefined || number !== '00001' || Number(total) < 1 || Number(total) > MOST_SHARDS)
    return [name];
  return Array.from(
    { length: Number(total) },
    (_, index) => `${prefix}-${String(index + 1).padStart(5, '0')}-of-${total}${suffix}`,
  );
}

/** What a folder's listing is cut down to: `path` up to its last `/` before the first `*`, and a test of whole paths. */
export function selection(
  path: string,
): { readonly folder: string; readonly matches: (path: string) => boolean } | null {
  const star = path.indexOf('*');
  if (star < 0 && path !== '' && !path.endsWith('/')) return null;
  const fixed = star < 0 ? path : path.slice(0, star);
  const folder = fixed.slice(0, fixed.lastIndexOf('/') + 1);
  if (star < 0) return { folder, matches: (candidate) => candidate.startsWith(folder) };
  const pattern = path
    .split('*')
    .map((text) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^/]*');
  const whole = new RegExp(`^${pattern}$`);
  return { folder, matches: (candidate) => whole.test(candidate) };
}

export const byName = (one: OriginFile, other: OriginFile): number => (one.name < other.name ? -1 : 1);
