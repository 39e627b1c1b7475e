import { describe, expect, test } from 'vitest';
import { NO_CREDENTIALS } from '../../sources/credentials.ts';
import { SourceError } from '../../sources/errors.ts';
import { credentialsOf } from '../../sources/openOrigin.ts';
import { hasScheme, isSafeName, parseSourceUri, shownUri } from '../../sources/uri.ts';

function refusal(text: string): string {
  try {
    parseSourceUri(text);
  } catch (error) {
    if (error instanceof SourceError && error.code === 'invalid_uri') return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

describe('parseSourceUri() reads', () => {
  test.each([
    ['/srv/models/a.gguf', { kind: 'file', path: '/srv/models/a.gguf' }],
    ['models/a@b:c.gguf', { kind: 'file', path: 'models/a@b:c.gguf' }],
    ['hf:acme/tiny/a.gguf', { kind: 'hf', repo: 'acme/tiny', revision: 'main', path: 'a.gguf' }],
    ['hf:acme/tiny@v1.2/q8/a.gguf', { kind: 'hf', repo: 'acme/tiny', revision: 'v1.2', path: 'q8/a.gguf' }],
    ['hf://acme/tiny@refs%2Fpr%2F7/', { kind: 'hf', repo: 'acme/tiny', revision: 'refs/pr/7', path: '' }],
    ['hf:acme/tiny', { kind: 'hf', repo: 'acme/tiny', revision: 'main', path: '' }],
    ['s3://weights/base/a b.gguf', { kind: 's3', bucket: 'weights', key: 'base/a b.gguf' }],
    ['s3://my.bucket/base/', { kind: 's3', bucket: 'my.bucket', key: 'base/' }],
  ])('%s', (text, expected) => {
    expect(parseSourceUri(text)).toEqual(expected);
  });

  test('a URL without its fragment, with its query', () => {
    const uri = parseSourceUri('HTTPS://weights.example:8443/a.gguf?version=3#part');
    expect(uri).toMatchObject({ kind: 'http' });
    expect(uri.kind === 'http' && uri.url.href).toBe('https://weights.example:8443/a.gguf?version=3');
  });
});

describe('parseSourceUri() refuses', () => {
  test.each([
    ['gs://bucket/a.gguf', 'expected a path, or a URI that starts with http://, https://, hf: or s3://'],
    ['hf:tiny/', 'expected hf:owner/name[@revision]/path'],
    ['hf:../../a', 'expected hf:owner/name[@revision]/path'],
    ['hf:acme/tiny/../../secret', 'expected a path without empty segments, "." and ".."'],
    ['hf:acme/tiny@%zz/a', 'expected a revision that is percent-encoded'],
    ['s3://bucket', 'expected s3://bucket/key'],
    ['s3://bucket//a', 'expected a path without empty segments, "." and ".."'],
    ['https://exa mple/', 'expected a URL'],
  ])('%s', (text, why) => {
    expect(refusal(text)).toContain(why);
  });

  test('a user and password in a URL, and does not repeat them', () => {
    const message = refusal('https://anna:hunter2@weights.example/a.gguf?sig=abc');
    expect(message).toContain('"https://weights.example/a.gguf"');
    expect(message).toContain('sources.http');
    expect(message).not.toMatch(/anna|hunter2|abc/);
  });
});

test('shownUri() has no query, user or password, also of what is no URL', () => {
  expect(shownUri('https://u:p@weights.example/a?X-Amz-Signature=1#f')).toBe('https://weights.example/a');
  expect(shownUri('https://u:p@exa mple/a?sig=1')).toBe('https://exa mple/a');
  expect(shownUri('s3://bucket/a?b')).toBe('s3://bucket/a?b');
  expect(shownUri('/models/a.gguf')).toBe('/models/a.gguf');
});

test('hasScheme() takes a path with a colon for a path', () => {
  expect(['a.gguf', '/a:b', './x', 'dir/a:b', 'x:y'].map(hasScheme)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
  expect(['hf:a/b', 's3://b/k', 'http://h/', 'gs://b'].map(hasScheme)).toEqual([true, true, true, true]);
});

test('isSafeName() refuses what leads out of a folder', () => {
  expect(['a', 'a/b.gguf', '..a/b'].map(isSafeName)).toEqual([true, true, true]);
  expect(['', '/a', 'a//b', '../a', 'a/../b', 'a\\b', 'a\0b', './a'].map(isSafeName)).not.toContain(true);
});

describe('credentialsOf()', () => {
  const bucket = { endpoint: null, region: 'r', pathStyle: false, keys: { accessKey: 'a', secretKey: 'b' } };
  const all = {
    hf: { endpoint: 'https://hub.example', token: 't' },
    s3: { default: bucket, mine: { ...bucket, region: 'mine' } },
    http: { 'w.example': { headers: { authorization: 'x' } } },
  };

  test('leaves what asking the source does not take', () => {
    expect(credentialsOf('hf:a/b/c.gguf', all)).toEqual({ hf: all.hf, s3: {}, http: {} });
    expect(credentialsOf('https://w.example/c.gguf', all)).toEqual({ ...NO_CREDENTIALS, http: all.http });
    expect(credentialsOf('s3://mine/c.gguf', all)).toEqual({ ...NO_CREDENTIALS, s3: { mine: all.s3.mine } });
    expect(credentialsOf('s3://other/c.gguf', all)).toEqual({ ...NO_CREDENTIALS, s3: { other: bucket } });
    expect(credentialsOf('/a/b.gguf', all)).toEqual(NO_CREDENTIALS);
  });
});
