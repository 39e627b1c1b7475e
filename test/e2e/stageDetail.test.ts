import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { WeightServer } from '../sources/weightServer.ts';
import { BANANA, banana, DEMO_FILES } from './chat.ts';
import { listenTo } from './eventStream.ts';
import { ledger, readEvents, sumOfPhases } from './readRequests.ts';
import { demoConfig, ROOT, startGateway, type TestGateway, until } from './startGateway.ts';

const BASE_BYTES = statSync(DEMO_FILES.base).size;
const ADAPTER_BYTES = statSync(DEMO_FILES.pirate).size;
/** So that it is staged in many steps. */
const PADDING_BYTES = 40_000_000;

const folders: string[] = [];
const gateways: TestGateway[] = [];
const servers: WeightServer[] = [];

afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.dispose();
  for (const server of servers.splice(0)) await server.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, 'hearth-e2e-'));
  folders.push(folder);
  return folder;
}

async function open(options: Parameters<typeof startGateway>[0] = {}): Promise<TestGateway> {
  const store = { HEARTH_STORE_DIR: newFolder('/dev/shm') };
  const gateway = await startGateway({ ...options, environment: { ...store, ...options.environment } });
  gateways.push(gateway);
  return gateway;
}

/** The comments of a stream, its text and what its last usage chunk has under `hearth`. */
async function stream(gateway: TestGateway, model: string, onComment: (comment: string) => void = () => {}) {
  const body = { ...banana(model), stream: true, stream_options: { include_usage: true } };
  const response = await gateway.post('/v1/chat/completions', body);
  const comments: string[] = [];
  let text = '';
  let hearth: any;
  let rest = '';
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    const frames = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
    rest = frames.pop() ?? '';
    for (const frame of frames) {
      if (frame.startsWith(': ')) {
        comments.push(frame.slice(2));
        onComment(frame.slice(2));
        continue;
      }
      if (!frame.startsWith('data: {')) continue;
      const chunk = JSON.parse(frame.slice('data: '.length));
      text += chunk.choices?.[0]?.delta?.content ?? '';
      hearth = chunk.hearth ?? hearth;
    }
  }
  return { comments, text, hearth };
}

async function endRunners(gateway: TestGateway): Promise<void> {
  for (const { id, base } of await gateway.runners())
    if (base !== null) await gateway.admin('POST', `/runners/${id}/drain`);
  await until(
    async () => (await gateway.runners()).every(({ base }) => base === null),
    'the runners have gone',
  );
}

/** The stager of the gateway, to stop it in mid-staging. */
function stagerOf({ child }: TestGateway): number {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('stager.mjs'));
  if (!found) throw new Error('Cannot find the stager: expected a child of the gateway');
  return Number(found);
}

describe('the record of a request', () => {
  test('says for each start which tier it came from and what staging took, beside the phases', async () => {
    const gateway = await open({ config: demoConfig() });
    const cold = await stream(gateway, 'tiny-chat');
    expect(cold.text).toBe(BANANA.base);
    expect(cold.hearth).toMatchObject({ start: 'cold', tier: 'origin', staging: { bytes: BASE_BYTES } });
    expect(Object.keys(cold.hearth.staging.thread_ms)).toEqual(['read', 'verify']);
    const attach = await stream(gateway, 'tiny-chat+pirate');
    expect(attach.hearth).toMatchObject({
      start: 'attach',
      tier: 'origin',
      staging: { bytes: ADAPTER_BYTES },
    });
    expect((await stream(gateway, 'tiny-chat+pirate')).hearth).not.toHaveProperty('tier');
    await endRunners(gateway);
    const staged = await stream(gateway, 'tiny-chat+pirate');
    expect(staged.hearth).toMatchObject({ start: 'staged', tier: 'memory' });
    expect(staged.hearth).not.toHaveProperty('staging');

    const rows = await ledger(gateway, 4);
    expect(
      rows.map(({ start_kind, start_tier, staged_bytes }) => [start_kind, start_tier, staged_bytes]),
    ).toEqual([
      ['cold', 'origin', BASE_BYTES],
      ['attach', 'origin', ADAPTER_BYTES],
      ['warm', null, null],
      ['staged', 'memory', null],
    ]);
    for (const row of rows) {
      expect(sumOfPhases(row)).toBeCloseTo(row.total_ms, 3);
      expect([row.decrypt_ms, row.download_ms, row.upload_bytes, row.upload_ms]).toEqual(Array(4).fill(null));
      const isStaged = row.staged_bytes !== null;
      for (const figure of ['staged_ms', 'stage_threads', 'read_ms', 'verify_ms'] as const)
        expect([figure, row[figure] !== null && row[figure] > 0]).toEqual([figure, isStaged]);
    }
    expect(rows[0]?.read_ms).toBeCloseTo(cold.hearth.staging.thread_ms.read, 2);
  });

  test('tells a download from what is staged of it, and what an earlier one has left on the disk', async () => {
    const server = await WeightServer.start();
    servers.push(server);
    server.put('/tiny.gguf', readFileSync(DEMO_FILES.base));
    const config = `models: [{ id: tiny, path: "${server.origin}/tiny.gguf", context: 512 }]`;
    const first = await open({ config });
    const { hearth } = await stream(first, 'tiny');
    expect(hearth).toMatchObject({ start: 'cold', tier: 'origin', staging: { bytes: BASE_BYTES } });
    expect(hearth.staging.download_ms).toBeGreaterThan(0);
    expect(hearth.staging.took_ms).toBeGreaterThan(hearth.staging.download_ms);
    await first.end();
    const next = await open({ directory: first.directory });
    const again = await stream(next, 'tiny');
    expect(again.hearth).toMatchObject({ start: 'cold', tier: 'disk', staging: { bytes: BASE_BYTES } });
    expect(again.hearth.staging).not.toHaveProperty('download_ms');
    const rows = await ledger(next, 2);
    expect(rows.map(({ start_tier }) => start_tier)).toEqual(['origin', 'disk']);
  });

  test('says origin where there is no weight store, and nothing of a staging', async () => {
    const gateway = await open({ config: demoConfig(), environment: { HEARTH_STORE_DIR: 'off' } });
    const { hearth } = await stream(gateway, 'tiny-chat');
    expect(hearth).toMatchObject({ start: 'cold', tier: 'origin' });
    expect(hearth).not.toHaveProperty('staging');
  });
});

/** A gateway with a base of 46 MB, which a prefetch stages at 8 MB/s. */
async function slowly(): Promise<{ gateway: TestGateway; bytes: number }> {
  const path = join(newFolder(tmpdir()), 'large.gguf');
  copyFileSync(DEMO_FILES.base, path);
  appendFileSync(path, Buffer.alloc(PADDING_BYTES));
  const gateway = await open({
    config: `models: [{ id: large, path: ${path}, context: 512 }]\nweights: { prefetch_bandwidth: 8MB }\n`,
  });
  return { gateway, bytes: BASE_BYTES + PADDING_BYTES };
}

const segmentsOf = async (gateway: TestGateway) => (await gateway.admin('GET', '/segments')).json.data;

describe('a staging under way', () => {
  test('is told by the admin API and the stream of events, and its end by an event that is kept', async () => {
    const { gateway, bytes } = await slowly();
    const events = await listenTo(gateway);
    await gateway.admin('PUT', '/pins/large', { level: 'staged' });
    let progress: any = null;
    await until(async () => {
      [{ progress } = { progress: null }] = await segmentsOf(gateway);
      return progress?.seconds_left > 0;
    }, 'the segment tells how long it will take');
    expect(progress).toMatchObject({ step: 'stage', total_bytes: bytes });
    expect(progress.bytes).toBeGreaterThan(0);
    expect(progress.bytes).toBeLessThan(bytes);
    expect(progress.bytes_per_second).toBeGreaterThan(0);
    await until(() => events.heard.some(({ type }) => type === 'segment_staged'), 'it is staged');
    expect(await segmentsOf(gateway)).toMatchObject([{ state: 'staged', bytes, progress: null }]);

    const told = events.heard.filter(({ type }) => type === 'segment_staging').map(({ detail }) => detail);
    expect(told.length).toBeGreaterThan(1);
    for (const detail of told)
      expect(detail).toMatchObject({ entry: 'large', book: 'bases', step: 'stage', totalBytes: bytes });
    expect(told.map((detail) => detail['bytes'])).toEqual(
      told.map((detail) => detail['bytes']).toSorted((a, b) => a - b),
    );
    expect(told[0]).toMatchObject({ bytesPerSecond: null, secondsLeft: null });
    const end = events.heard.find(({ type }) => type === 'segment_staged');
    expect(end?.detail).toMatchObject({ book: 'bases', bytes, tier: 'origin' });
    for (const figure of ['tookMs', 'bytesPerSecond', 'threads', 'readMs', 'verifyMs'])
      expect([figure, end?.detail[figure] > 0]).toEqual([figure, true]);
    expect(end?.detail).not.toHaveProperty('decryptMs');

    await gateway.end();
    await events.ended;
    expect(events.heard.at(-1)?.type).toBe('runner_exited');
    const kept = readEvents(gateway.dataDir);
    expect(kept.filter(({ type }) => type === 'segment_staging')).toEqual([]);
    expect(kept.find(({ type }) => type === 'segment_staged')?.detail).toEqual(end?.detail);
  });

  test('is told to the streams that wait for it, in bytes, with the rate and the time left', async () => {
    const { gateway, bytes } = await slowly();
    await gateway.admin('PUT', '/pins/large', { level: 'staged' });
    await until(
      async () => (await segmentsOf(gateway))[0]?.progress?.seconds_left > 0,
      'it is under way for a while',
    );
    // Stopped, for what somebody waits for is not held back.
    const stager = stagerOf(gateway);
    process.kill(stager, 'SIGSTOP');
    const { comments, text, hearth } = await stream(gateway, 'large', () => {
      process.kill(stager, 'SIGCONT');
    });
    expect(text).toBe(BANANA.base);
    const first =
      /^hearth cold (\d+)% staging ([\d.]+) MB of 45\.9 MB, ([\d.]+) (k|M)B\/s, (\d+) s left$/.exec(
        comments[0] ?? '',
      );
    expect(Number(first?.[2])).toBeLessThan(45.9);
    // Who joins a prefetch has the same of it as who began it.
    expect(hearth).toMatchObject({ start: 'cold', tier: 'origin', staging: { bytes } });
    expect(hearth.staging.took_ms).toBeGreaterThan(hearth.phases_ms.stage);
  });

  test('is a download first where the weights are behind a URI', async () => {
    const server = await WeightServer.start();
    servers.push(server);
    server.put('/tiny.gguf', readFileSync(DEMO_FILES.base));
    const config = `models: [{ id: tiny, path: "${server.origin}/tiny.gguf", context: 512 }]`;
    const gateway = await open({ config });
    let goOn = (): void => {};
    const holding = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    server.intercept = (request, response) => {
      if (request.method !== 'GET') return false;
      void holding.then(() => server.serve('/tiny.gguf', request, response));
      return true;
    };
    const { comments, hearth } = await stream(gateway, 'tiny', goOn);
    expect(comments[0]).toMatch(/^hearth cold 0%( downloading 0 B of 5\.9 MB(, 0 B\/s)?)?$/);
    expect(hearth).toMatchObject({ tier: 'origin' });
  });
});

describe('an upload to a device', () => {
  async function uploading(id: string): Promise<TestGateway> {
    const gateway = await startGateway({
      config: `models: [{ id: ${id}, path: ${DEMO_FILES.base}, context: 512 }]`,
      standbys: 0,
      runner: join(ROOT, 'test/fixtures/fake-runner.mjs'),
    });
    gateways.push(gateway);
    expect((await gateway.post('/v1/chat/completions', banana(id))).status).toBe(200);
    return gateway;
  }

  const uploadOf = async (gateway: TestGateway) =>
    (await gateway.admin('GET', '/runners')).json.data[0].upload;

  async function eventsOf(gateway: TestGateway): Promise<[string, unknown][]> {
    const read = () => readEvents(gateway.dataDir).filter(({ type }) => type.includes('upload'));
    await until(() => read().length > 0, 'the upload is in the event log');
    return read().map(({ type, detail }) => [type, detail]);
  }

  test('is in the ledger with its bytes and time, in the runner’s row and in an event', async () => {
    const gateway = await uploading('uploads-threaded');
    expect(await uploadOf(gateway)).toEqual({
      ...{ path: 'threaded', reason: null, bytes: 4_000_000, plain_bytes: 10, took_ms: 4 },
      ...{ bytes_per_second: 1e9, threads: 8, check: 'passed', differing: 0 },
    });
    expect(await ledger(gateway, 1)).toMatchObject([{ upload_bytes: 4_000_000, upload_ms: 4 }]);
    const figures = { bytes: 4_000_000, plainBytes: 10, tookMs: 4, bytesPerSecond: 1e9, threads: 8 };
    const told = { base: 'uploads-threaded', path: 'threaded', reason: null, ...figures, check: 'passed' };
    expect(await eventsOf(gateway)).toEqual([['weights_uploaded', told]]);
  });

  test('that failed its check is a warning, and no figure of a start', async () => {
    const gateway = await uploading('uploads-wrongly');
    expect(await uploadOf(gateway)).toMatchObject({ path: 'plain', check: 'failed', differing: 3 });
    expect(await ledger(gateway, 1)).toMatchObject([{ upload_bytes: null, upload_ms: null }]);
    await until(async () => (await eventsOf(gateway)).length === 2, 'both events are in the event log');
    expect((await eventsOf(gateway))[1]).toEqual([
      'upload_check_failed',
      { base: 'uploads-wrongly', differing: 3, bytes: 4_000_000, level: 'warning' },
    ]);
    expect(gateway.log()).toContain('threaded upload failed its check, weights were loaded again plainly');
  });

  test('by the plain path says why', async () => {
    const gateway = await uploading('uploads-plainly');
    expect(await uploadOf(gateway)).toMatchObject({ path: 'plain', reason: 'it is turned off', check: null });
    expect(await ledger(gateway, 1)).toMatchObject([{ upload_bytes: null }]);
    expect((await eventsOf(gateway)).map(([type]) => type)).toEqual(['weights_uploaded']);
  });

  test('is nothing that a runner on the CPU would tell of', async () => {
    const gateway = await uploading('good');
    expect(await uploadOf(gateway)).toBeNull();
  });
});
