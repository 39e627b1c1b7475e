import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { comboPath } from '../../cli/adminApi.mjs';
import { program } from '../../cli/program.mjs';
import { table } from '../../cli/table.mjs';

interface Call {
  readonly url: string;
  readonly method: string | undefined;
  readonly authorization: string | null;
  readonly body?: unknown;
}

/** Runs the command against a gateway that always gives `answer`. */
async function run(args: string[], answer: object, status = 200, environment: Record<string, string> = {}) {
  const calls: Call[] = [];
  const printed: string[] = [];
  const fetchImpl = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const text = await request.text();
    calls.push({
      url: request.url,
      method: request.method,
      authorization: request.headers.get('authorization'),
      ...(text === '' ? {} : { body: JSON.parse(text) }),
    });
    return Response.json(answer, { status });
  };
  const command = program({ print: (text: string) => void printed.push(text), environment, fetchImpl });
  await command.parseAsync(args, { from: 'user' });
  return { calls, printed };
}

const RUNNERS = {
  object: 'list',
  data: [
    { id: 'r_1', pid: 7, state: 'ready', base: 'tiny-chat', combos: ['tiny-chat', 'tiny-chat+pirate'] },
    { id: 'r_2', pid: 8, state: 'standby', base: null, combos: [] },
  ],
};

describe('hearth', () => {
  test('status prints the runners in columns', async () => {
    const { calls, printed } = await run(['status', '--token', 'secret'], RUNNERS);
    expect(calls).toEqual([
      { url: 'http://127.0.0.1:8080/admin/v1/runners', method: 'GET', authorization: 'Bearer secret' },
    ]);
    expect(printed).toEqual([
      [
        'ID   PID  STATE    BASE       COMBOS',
        'r_1  7    ready    tiny-chat  tiny-chat tiny-chat+pirate',
        'r_2  8    standby  -          -',
      ].join('\n'),
    ]);
  });

  test('--json prints what the gateway answered', async () => {
    const { printed } = await run(['models', '--json', '--token', 'secret'], RUNNERS);
    expect(JSON.parse(printed.join(''))).toEqual(RUNNERS);
  });

  test('warm posts to the combo, with the address and the token of the environment', async () => {
    const answer = { object: 'combo', combo: 'tiny-chat+pirate', runner: 'r_1', start: 'attach' };
    const environment = { HEARTH_URL: 'http://box:9000/', HEARTH_ADMIN_TOKEN: 'kept' };
    const { calls } = await run(['warm', 'tiny-chat:pirate'], answer, 200, environment);
    expect(calls).toEqual([
      {
        url: 'http://box:9000/admin/v1/combos/tiny-chat%3Apirate/warm',
        method: 'POST',
        authorization: 'Bearer kept',
      },
    ]);
  });

  test('keys create says what the key may do, and prints its secret', async () => {
    const made = { object: 'api_key', id: 'key_1', name: 'search', key: 'hk_secret', state: 'active' };
    const { calls, printed } = await run(
      [
        ...['keys', 'create', 'search', '--token', 't', '--models', 'tiny-chat, other', '--adapters', ''],
        ...['--requests-per-minute', '60', '--budget', '12.5', '--period', 'day'],
        ...['--tag', 'team=search', '--tag', 'env=a=b', '--expires', '2027-01-01T00:00:00Z'],
      ],
      made,
    );
    expect(calls).toMatchObject([
      {
        url: 'http://127.0.0.1:8080/admin/v1/keys',
        method: 'POST',
        body: {
          name: 'search',
          scopes: { models: ['tiny-chat', 'other'], adapters: [], endpoints: null },
          limits: { requests_per_minute: 60, tokens_per_minute: null, concurrent_requests: null },
          budget: { period: 'day', hard_micro_usd: 12_500_000, soft_micro_usd: null },
          tags: { team: 'search', env: 'a=b' },
          expires_at: '2027-01-01T00:00:00Z',
        },
      },
    ]);
    expect(printed).toEqual(['ID     NAME    KEY\nkey_1  search  hk_secret']);
  });

  test.each([
    [['disable', 'key_1'], 'PATCH', '', { disabled: true }],
    [['enable', 'key_1'], 'PATCH', '', { disabled: false }],
    [['rotate', 'key_1', '--grace', '24h'], 'POST', '/rotate', { grace: '24h' }],
    [['delete', 'key_1'], 'DELETE', '', undefined],
  ])('keys %j asks for %s of the key', async (args, method, path, body) => {
    const { calls } = await run(['keys', ...args, '--token', 't'], { object: 'api_key', id: 'key_1' });
    const url = `http://127.0.0.1:8080/admin/v1/keys/key_1${path}`;
    expect(calls).toMatchObject([{ url, method, ...(body ? { body } : {}) }]);
  });

  test('keys list prints them in columns', async () => {
    const row = { id: 'key_1', name: 'search', prefix: 'hk_abcdef', state: 'active', expires_at: null };
    const data = [{ ...row, tags: { team: 'search' } }];
    const { printed } = await run(['keys', 'list', '--token', 't'], { object: 'list', data });
    expect(printed).toEqual([
      'ID     NAME    PREFIX     STATE   EXPIRES  TAGS\nkey_1  search  hk_abcdef  active  -        team=search',
    ]);
  });

  test.each([
    [['--requests-per-minute', 'many'], 'Cannot use --requests-per-minute "many": expected a whole number'],
    [['--budget', '-1'], 'Cannot use --budget "-1": expected US dollars such as 25 or 0.5'],
    [['--tag', 'team'], 'Cannot use --tag "team": expected one like "team=search"'],
  ])('keys create refuses %j', async (args, message) => {
    await expect(run(['keys', 'create', 'k', '--token', 't', ...args], {})).rejects.toThrow(message);
  });

  test('pin says at which level, on how many runners and until when', async () => {
    const pin = {
      combo: 'tiny-chat+pirate',
      level: 'ready',
      count: 2,
      ready: 0,
      state: 'restoring',
      until: null,
    };
    const args = [
      'pin',
      'tiny-chat:pirate',
      '--count',
      '2',
      '--until',
      '2099-12-01T00:00:00Z',
      '--token',
      't',
    ];
    const { calls, printed } = await run(args, pin);
    expect(calls).toEqual([
      {
        url: 'http://127.0.0.1:8080/admin/v1/pins/tiny-chat%3Apirate',
        method: 'PUT',
        authorization: 'Bearer t',
        body: { level: 'ready', count: 2, until: '2099-12-01T00:00:00Z' },
      },
    ]);
    expect(printed[0]).toContain('tiny-chat+pirate  ready  2      0      restoring');
  });

  test('unpin and drain name what they end', async () => {
    const unpinned = await run(['unpin', 'org/base+a', '--token', 't'], { id: 'org/base+a', deleted: true });
    expect(unpinned.calls[0]).toMatchObject({
      url: 'http://127.0.0.1:8080/admin/v1/pins/org/base%2Ba',
      method: 'DELETE',
    });
    const drained = await run(['drain', 'r_1', '--token', 't'], { id: 'r_1', state: 'draining' });
    expect(drained.calls[0]).toMatchObject({
      url: 'http://127.0.0.1:8080/admin/v1/runners/r_1/drain',
      method: 'POST',
    });
    expect(drained.printed[0]).toContain('r_1  draining');
  });

  test("fails with the gateway's own sentence", async () => {
    const answer = {
      error: { message: 'Cannot find model "x": not in the catalogue', type: 'x', code: 'y' },
    };
    await expect(run(['evict', 'x', '--token', 't'], answer, 404)).rejects.toThrow(
      'Cannot find model "x": not in the catalogue',
    );
  });
});

describe('hearth finds the admin token', () => {
  const tokenOf = async (args: string[], environment: Record<string, string>) =>
    (await run(['status', ...args], RUNNERS, 200, environment)).calls[0]?.authorization;

  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'hearth-cli-'));
    writeFileSync(join(directory, 'admin-token'), 'of-directory\n');
    writeFileSync(join(directory, 'other'), ' of-file ');
    writeFileSync(join(directory, 'empty'), '\n');
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('by option, else in a file by option, else in the environment, else in the data directory', async () => {
    const environment = { HEARTH_ADMIN_TOKEN: 'of-environment', HEARTH_DATA_DIR: directory };
    const file = join(directory, 'other');
    expect(await tokenOf(['--token', 'given'], environment)).toBe('Bearer given');
    expect(await tokenOf(['--token-file', file], environment)).toBe('Bearer of-file');
    expect(await tokenOf([], environment)).toBe('Bearer of-environment');
    expect(await tokenOf([], { ...environment, HEARTH_ADMIN_TOKEN: '' })).toBe('Bearer of-directory');
  });

  test('or says where it has looked', async () => {
    const file = join(directory, 'none');
    const tail = 'expected this file, --token, --token-file, HEARTH_ADMIN_TOKEN or HEARTH_DATA_DIR';
    await expect(tokenOf(['--token-file', file], {})).rejects.toThrow(
      `Cannot read admin token "${file}" (--token-file): ENOENT, ${tail}`,
    );
    await expect(tokenOf([], { HEARTH_DATA_DIR: file })).rejects.toThrow(
      `Cannot read admin token "${file}/admin-token" (HEARTH_DATA_DIR): ENOENT, ${tail}`,
    );
    await expect(tokenOf([], { HEARTH_DATA_DIR: join(directory, 'other') })).rejects.toThrow(': ENOTDIR, ');
    await expect(tokenOf(['--token-file', join(directory, 'empty')], {})).rejects.toThrow(
      'expected a token, got an empty file',
    );
  });

  test('and says which one the gateway did not take', async () => {
    const answer = { error: { message: 'Cannot use the admin API: expected the admin token' } };
    const status = (environment: Record<string, string>) => run(['status'], answer, 401, environment);
    await expect(status({ HEARTH_ADMIN_TOKEN: 'secret-one' })).rejects.toThrow(
      'expected the admin token, sent the one of HEARTH_ADMIN_TOKEN',
    );
    await expect(status({ HEARTH_DATA_DIR: directory })).rejects.toThrow(
      `sent the one of "${directory}/admin-token"`,
    );
  });
});

describe('hearth finds the gateway', () => {
  const urlOf = async (environment: Record<string, string>, args: string[] = []) =>
    (await run(['status', '--token', 't', ...args], RUNNERS, 200, environment)).calls[0]?.url;

  test.each([
    [{}, 'http://127.0.0.1:8080'],
    [{ HEARTH_PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ HEARTH_HOST: 'box', HEARTH_PORT: '' }, 'http://box:8080'],
    [{ HEARTH_HOST: '0.0.0.0', HEARTH_PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ HEARTH_HOST: '::', HEARTH_PORT: '9000' }, 'http://[::1]:9000'],
    [{ HEARTH_HOST: 'fe80::1' }, 'http://[fe80::1]:8080'],
    [{ HEARTH_URL: 'https://box/hearth/', HEARTH_HOST: 'other', HEARTH_PORT: '9' }, 'https://box/hearth'],
  ])('by the environment %j', async (environment, url) => {
    expect(await urlOf(environment)).toBe(`${url}/admin/v1/runners`);
    expect(await urlOf(environment, ['--url', 'http://given:1'])).toBe('http://given:1/admin/v1/runners');
  });

  test('or says what is wrong with what it was told', async () => {
    for (const port of ['0', '65536', 'http'])
      await expect(urlOf({ HEARTH_PORT: port })).rejects.toThrow(
        `Cannot find the gateway by HEARTH_PORT "${port}": expected a port from 1 to 65535, or --url`,
      );
    for (const url of ['box:8080', 'ftp://box', 'http://'])
      await expect(urlOf({}, ['--url', url])).rejects.toThrow(
        `Cannot use address "${url}" (--url): expected one like "http://127.0.0.1:8080"`,
      );
    await expect(urlOf({ HEARTH_URL: 'box' })).rejects.toThrow('Cannot use address "box" (HEARTH_URL)');
    await expect(urlOf({ HEARTH_HOST: 'a b' })).rejects.toThrow(
      'Cannot use address "http://a b:8080" (HEARTH_HOST)',
    );
  });

  test('or says that nothing listens there, and how it came to look there', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    await once(closed, 'close');
    const status = (environment: Record<string, string>) =>
      program({ environment, print: () => {} }).parseAsync(['status', '--token', 't'], { from: 'user' });
    await expect(status({ HEARTH_PORT: String(port) })).rejects.toThrow(
      `Cannot reach the gateway at "http://127.0.0.1:${port}" (HEARTH_PORT): nothing listens there, expected a running "hearth serve", or its address in --url, HEARTH_URL, or HEARTH_HOST and HEARTH_PORT`,
    );
    await expect(status({ HEARTH_HOST: 'localhost', HEARTH_PORT: String(port) })).rejects.toThrow(
      `Cannot reach the gateway at "http://localhost:${port}" (HEARTH_HOST and HEARTH_PORT): nothing listens there`,
    );
    await expect(status({ HEARTH_URL: 'http://name.invalid' })).rejects.toThrow(
      /^Cannot reach the gateway at "http:\/\/name.invalid" \(HEARTH_URL\): getaddrinfo /,
    );
  });

  test('or says that it is another server', async () => {
    const fetchImpl = async () => new Response('<html>', { status: 404 });
    const status = program({ environment: {}, fetchImpl }).parseAsync(['status', '--token', 't'], {
      from: 'user',
    });
    await expect(status).rejects.toThrow(
      'Cannot GET "http://127.0.0.1:8080/admin/v1/runners" (the default): expected JSON of a gateway, got status 404',
    );
  });
});

describe('comboPath()', () => {
  test('encodes what separates adapters and keeps slashes of ids', () => {
    expect(comboPath('org/base+a@0.5', 'evict')).toBe('/admin/v1/combos/org/base%2Ba%400.5/evict');
  });
});

describe('table()', () => {
  test('is its headings alone without rows', () => {
    expect(table([['ID', () => ''] as const, ['STATE', () => ''] as const], [])).toBe('ID  STATE');
  });
});

describe('hearth prices and hearth ledger', () => {
  const CHECK = { object: 'ledger_check', requests: 3, recorded_micro_usd: 42, recomputed_micro_usd: 42 };
  let file: string;
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'hearth-prices-'));
    file = join(directory, 'prices.yaml');
  });
  afterEach(() => {
    process.exitCode = undefined;
    rmSync(directory, { recursive: true });
  });

  test('prices set sends what the file holds', async () => {
    writeFileSync(file, 'start_policy: shared\ndefault: { input_per_million: 0.15 }\n');
    const answer = {
      version: 2,
      current: true,
      author: 'api',
      created: 1_700_000_000,
      start_policy: 'shared',
    };
    const { calls, printed } = await run(['prices', 'set', file, '--token', 't'], answer);
    expect(calls).toMatchObject([
      { method: 'POST', body: { start_policy: 'shared', default: { input_per_million: 0.15 } } },
    ]);
    expect(printed[0]).toMatch(/^2 +true +api +2023-11-14T22:13:20.000Z +shared$/m);
  });

  test('prices set says which file it cannot read', async () => {
    await expect(run(['prices', 'set', file, '--token', 't'], {})).rejects.toThrow(
      `Cannot read prices of "${file}": ENOENT`,
    );
  });

  test.each([
    [0, 0, undefined],
    [1, 0, 1],
    [0, 2, 1],
  ])('ledger check with %i rows and %i starts that differ ends with %s', async (rows, starts, code) => {
    const from = '2026-11-01T00:00:00+01:00';
    const answer = { ...CHECK, differing: rows, starts: 4, starts_differing: starts };
    const { calls } = await run(['ledger', 'check', '--from', from, '--token', 't'], answer);
    expect(calls[0]?.url).toBe(
      'http://127.0.0.1:8080/admin/v1/ledger/check?from=2026-11-01T00%3A00%3A00%2B01%3A00',
    );
    expect(process.exitCode).toBe(code);
  });
});
