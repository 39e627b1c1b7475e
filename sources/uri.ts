import { SourceError } from './errors.ts';

/** Where weights come from, as an operator writes it. */
export type SourceUri =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'http'; readonly url: URL }
  /** `path` is a file, a folder (ends in `/` or is empty: the whole repository) or has `*`. */
  | { readonly kind: 'hf'; readonly repo: string; readonly revision: string; readonly path: string }
  /** The same for `key`. */
  | { readonly kind: 's3'; readonly bucket: string; readonly key: string };

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):/;
/** The hub's names (huggingface.co/docs/hub/repositories-getting-started): letters, digits and `._-`. */
const HF = /^hf:(?:\/\/)?([\w.-]{1,96}\/[\w.-]{1,96})(?:@([^/\s]{1,256}))?(?:\/(.*))?$/;
/** docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, and the looser names of other servers. */
const S3 = /^s3:\/\/([A-Za-z0-9][\w.-]{1,254})\/(.*)$/;

/** Whether the text has a scheme, so that it is no path. */
export function hasScheme(text: string): boolean {
  return SCHEME.test(text);
}

/** Throws `invalid_uri`. A text without a scheme is a path on this machine. */
export function parseSourceUri(text: string): SourceUri {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return { kind: 'file', path: text };
    case 'http':
    case 'https':
      return parseHttp(text);
    case 'hf':
      return parseHub(text);
    case 's3':
      return parseBucket(text);
    default:
      throw invalid(text, 'expected a path, or a URI that starts with http://, https://, hf: or s3://');
  }
}

/** The text as messages and lists may show it: without query, fragment, user and password. */
export function shownUri(text: string): string {
  if (!/^https?:/i.test(text)) return text;
  if (!URL.canParse(text)) return text.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//');
  return shownUrl(new URL(text));
}

export function shownUrl({ protocol, host, pathname }: URL): string {
  return `${protocol}//${host}${pathname}`;
}

function parseHttp(text: string): SourceUri {
  if (!URL.canParse(text)) throw invalid(text, 'expected a URL');
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw invalid(
      text,
      'expected no user or password in it: they belong into sources.http of the configuration',
    );
  }
  url.hash = '';
  return { kind: 'http', url };
}

function parseHub(text: string): SourceUri {
  const [, repo, revision = 'main', path = ''] = HF.exec(text) ?? [];
  if (repo === undefined || repo.includes('..')) {
    throw invalid(text, 'expected hf:owner/name[@revision]/path, with / in a revision written as %2F');
  }
  checkSegments(text, path);
  return { kind: 'hf', repo, revision: decoded(text, revision), path };
}

function parseBucket(text: string): SourceUri {
  const [, bucket, key] = S3.exec(text) ?? [];
  if (bucket === undefined || key === undefined) throw invalid(text, 'expected s3://bucket/key');
  checkSegments(text, key);
  return { kind: 's3', bucket, key };
}

/** Names become names of local files below a folder: nothing may lead out of it. */
export function isSafeName(name: string): boolean {
  return (
    name !== '' &&
    !name.includes('\0') &&
    !name.includes('\\') &&
    name.split('/').every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  );
}

function checkSegments(text: string, path: string): void {
  if (path === '' || isSafeName(path.replace(/\/$/, ''))) return;
  throw invalid(text, 'expected a path without empty segments, "." and ".."');
}

function decoded(text: string, revision: string): string {
  try {
    return decodeURIComponent(revision);
  } catch {
    throw invalid(text, 'expected a revision that is percent-encoded');
  }
}

function invalid(text: string, expected: string): SourceError {
  return new SourceError('invalid_uri', `Cannot use source "${shownUri(text)}": ${expected}`);
}
