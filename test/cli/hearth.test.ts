import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
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

  test("takes the token of the data directory's file", async () => {
    const directory = mkdtempSync(join(tmpdir(), 'hearth-cli-'));
    writeFileSync(join(directory, 'admin-token'), 'from-file\n');
    const { calls } = await run(['status'], RUNNERS, 200, { HEARTH_DATA_DIR: directory });
    expect(calls[0]?.authorization).toBe('Bearer from-file');
    rmSync(directory, { recursive: true });
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
