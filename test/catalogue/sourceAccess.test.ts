import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseConfig } from '../../gateway/catalogue/configFile.ts';
import { SourceAccess } from '../../gateway/catalogue/sourceAccess.ts';
import type { SourcesConfig } from '../../gateway/catalogue/sourceSchema.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-access-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function sectionOf(yaml: string): SourcesConfig {
  const document = parseConfig(`sources:\n${yaml}`, '/etc/hearth.yaml');
  if (!document.ok) throw new Error(document.error.message);
  return document.value.config.sources;
}

function refusal(yaml: string): string {
  const document = parseConfig(yaml, '/etc/hearth.yaml');
  if (document.ok) throw new Error('was accepted');
  return document.error.message;
}

function accessWith(environment: Record<string, string>, yaml = '  {}'): SourceAccess {
  const access = new SourceAccess((name) => environment[name]);
  access.use(sectionOf(yaml), directory);
  return access;
}

describe('credentials()', () => {
  test('are nobody’s without a section and without variables', async () => {
    expect(await accessWith({}).credentials()).toEqual({
      hf: { endpoint: 'https://huggingface.co', token: undefined },
      s3: { default: { endpoint: null, region: 'us-east-1', pathStyle: false, keys: null } },
      http: {},
    });
  });

  test('come from the usual variables where the section says nothing', async () => {
    const environment = {
      HF_TOKEN: 'hf_env',
      HF_ENDPOINT: 'https://mirror.example/',
      AWS_ACCESS_KEY_ID: 'id',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_SESSION_TOKEN: 'session',
      AWS_DEFAULT_REGION: 'eu-1',
      AWS_ENDPOINT_URL: 'http://minio:9000',
    };
    const keys = { accessKey: 'id', secretKey: 'secret', sessionToken: 'session' };
    expect(await accessWith(environment).credentials()).toEqual({
      hf: { endpoint: 'https://mirror.example', token: 'hf_env' },
      s3: { default: { endpoint: 'http://minio:9000', region: 'eu-1', pathStyle: true, keys } },
      http: {},
    });
  });

  test('come from the section first, the secrets from variables and files', async () => {
    await writeFile(join(directory, 'token'), '  hf_file\n');
    const access = accessWith(
      {
        HF_TOKEN: 'hf_env',
        AWS_ACCESS_KEY_ID: 'id',
        AWS_SECRET_ACCESS_KEY: 'secret',
        A: 'a-key',
        B: 'b-key',
        C: 'Bearer c',
      },
      `
  hf: { endpoint: "https://hub.example/", token: { file: token } }
  s3:
    default: { region: eu-2 }
    weights: { endpoint: "http://127.0.0.1:9000", access_key: { env: A }, secret_key: { env: B } }
    public: { endpoint: "https://s3.example", path_style: false }
  http:
    "Weights.example:8443": { headers: { Authorization: { env: C } } }
`,
    );
    const credentials = await access.credentials();
    expect(credentials.hf).toEqual({ endpoint: 'https://hub.example', token: 'hf_file' });
    expect(credentials.s3).toEqual({
      default: {
        endpoint: null,
        region: 'eu-2',
        pathStyle: false,
        keys: { accessKey: 'id', secretKey: 'secret', sessionToken: undefined },
      },
      weights: {
        endpoint: 'http://127.0.0.1:9000',
        region: 'us-east-1',
        pathStyle: true,
        keys: { accessKey: 'a-key', secretKey: 'b-key', sessionToken: undefined },
      },
      // Never with the keys of the default.
      public: { endpoint: 'https://s3.example', region: 'us-east-1', pathStyle: false, keys: null },
    });
    expect(credentials.http).toEqual({ 'weights.example:8443': { headers: { authorization: 'Bearer c' } } });
  });

  test('read a file each time, so that a token that was renewed counts', async () => {
    const access = accessWith({}, '  hf: { token: { file: token } }');
    await writeFile(join(directory, 'token'), 'first');
    expect((await access.credentials()).hf.token).toBe('first');
    await writeFile(join(directory, 'token'), 'second');
    expect((await access.credentials()).hf.token).toBe('second');
    await rm(join(directory, 'token'));
    await expect(access.credentials()).rejects.toMatchObject({ code: 'forbidden' });
  });
});

test('problems() tells where a secret cannot be read, and never what is in it', async () => {
  await writeFile(join(directory, 'two-lines'), 'secret-one\nsecret-two');
  await writeFile(join(directory, 'long'), 'x'.repeat(70_000));
  await writeFile(join(directory, 'empty'), '\n');
  const access = accessWith({ CONTROL: 'secret\u0007' });
  const section = sectionOf(`
  hf: { token: { env: NOT_SET } }
  s3: { weights: { access_key: { file: none }, secret_key: { file: two-lines }, session_token: { file: empty } } }
  http: { h: { headers: { a: { file: long }, b: { env: CONTROL } } } }
`);
  const problems = await access.problems(section, directory);
  expect(problems).toEqual([
    {
      path: ['sources', 'hf', 'token'],
      text: 'Cannot read environment variable "NOT_SET": expected it to be set',
    },
    {
      path: ['sources', 's3', 'weights', 'access_key'],
      text: `Cannot read secret file "${join(directory, 'none')}": expected a file that this user may read`,
    },
    {
      path: ['sources', 's3', 'weights', 'secret_key'],
      text: `Cannot read secret file "${join(directory, 'two-lines')}": expected one line of text`,
    },
    {
      path: ['sources', 's3', 'weights', 'session_token'],
      text: `Cannot read secret file "${join(directory, 'empty')}": expected one line of text`,
    },
    {
      path: ['sources', 'http', 'h', 'headers', 'a'],
      text: `Cannot read secret file "${join(directory, 'long')}": expected one line of text`,
    },
    {
      path: ['sources', 'http', 'h', 'headers', 'b'],
      text: 'Cannot read environment variable "CONTROL": expected one line of text',
    },
  ]);
});

describe('the section sources refuses', () => {
  test.each([
    [
      'sources: { hf: { token: hf_secret } }',
      'sources.hf.token: expected one of env, file in a map, not the secret itself',
    ],
    ['sources: { hf: { token: { env: A, file: b } } }', 'sources.hf.token: expected one of env, file'],
    ['sources: { hf: { token: {} } }', 'sources.hf.token: expected one of env, file'],
    [
      'sources: { hf: { token: { env: "hf-secret" } } }',
      'sources.hf.token.env: expected the name of an environment variable',
    ],
    ['sources: { hf: { endpoint: "https://u:secret@hub" } }', 'sources.hf.endpoint: expected a URL such as'],
    [
      'sources: { s3: { b: { access_key: { env: A } } } }',
      'sources.s3.b: expected access_key and secret_key, or neither',
    ],
    ['sources: { http: { "http://h/": { headers: {} } } }', 'expected a host such as'],
    ['sources: { http: { h: { headers: { authorization: "Bearer secret" } } } }', 'not the secret itself'],
    ['sources: { gs: {} }', 'unknown key'],
  ])('%s, without repeating what may be a secret', (yaml, why) => {
    const message = refusal(yaml);
    expect(message).toContain('/etc/hearth.yaml:1:');
    expect(message).toContain(why);
    expect(message).not.toMatch(/hf_secret|hf-secret|u:secret|Bearer secret/);
  });
});
