import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SourceAccess } from '../../gateway/catalogue/sourceAccess.ts';
import { SourcedFiles } from '../../gateway/catalogue/sourcedFiles.ts';
import type { Log } from '../../gateway/ports/log.ts';
import { MemorySourceFacts } from '../fakes/memorySourceFacts.ts';
import { splitGguf } from '../fixtures/splitGguf.ts';
import { WeightServer } from '../sources/weightServer.ts';
import { adapterBytes, ggufOf, modelBytes, vocabularyBytes } from './ggufBytes.ts';

const QUIET: Log = { debug() {}, info() {}, warn() {}, error() {} };

let server: WeightServer;
let store: MemorySourceFacts;
beforeEach(async () => {
  server = await WeightServer.start();
  store = new MemorySourceFacts();
});
afterEach(() => server.close());

function open(timeoutMs?: number): Promise<SourcedFiles> {
  const access = new SourceAccess(() => undefined);
  return SourcedFiles.open({ access, store, log: QUIET, ...(timeoutMs ? { timeoutMs } : {}) });
}

async function inspect(uri: string) {
  const facts = await (await open()).inspect(uri);
  if (!facts.ok) throw new Error(facts.error.message);
  return facts.value;
}

async function refusal(uri: string): Promise<string> {
  const facts = await (await open()).inspect(uri);
  if (facts.ok) throw new Error('was accepted');
  expect(facts.error).toMatchObject({ code: 'invalid_request', param: 'path' });
  return facts.error.message;
}

describe('SourcedFiles.inspect() of a URI', () => {
  test('reads the header alone', async () => {
    const bytes = Buffer.concat([modelBytes('llama', 4096), Buffer.alloc(4_000_000)]);
    const uri = server.put('/m.gguf', bytes, { modified: new Date('2026-03-01T10:00:00Z') });
    expect(await inspect(uri)).toMatchObject({
      path: uri,
      kind: 'model',
      architecture: 'llama',
      trainedContextTokens: 4096,
      sizeBytes: bytes.length,
      modifiedAtEpochMs: Date.parse('2026-03-01T10:00:00Z'),
    });
    expect(server.ranged).toEqual(['bytes=0-262143']);
  });

  test('reads a long vocabulary in a few requests', async () => {
    const uri = server.put('/m.gguf', vocabularyBytes(152_000));
    expect(await inspect(uri)).toMatchObject({ trainedContextTokens: 131_072 });
    expect(server.ranged.length).toBeLessThan(8);
  });

  test('reads the header from a server without ranges, and an adapter', async () => {
    server.ranges = false;
    expect(await inspect(server.put('/a.gguf', adapterBytes('qwen2')))).toMatchObject({ kind: 'adapter' });
  });

  test('sums up the shards of a split model', async () => {
    const tensors = [0, 1].map((number) => ({ name: `t${number}`, shape: [64] }));
    const metadata = {
      'general.architecture': 'llama',
      'general.type': 'model',
      'llama.context_length': 512,
    };
    const folder = await mkdtemp(join(tmpdir(), 'hearth-split-'));
    const whole = join(folder, 'whole.gguf');
    writeFileSync(whole, ggufOf(metadata, tensors));
    const [first, second] = splitGguf(whole, folder, 'm', 2).map((part) => readFileSync(part));
    await rm(folder, { recursive: true });
    if (!first || !second) throw new Error('expected two parts');
    const uri = server.put('/m-00001-of-00002.gguf', first);
    expect(await refusal(uri)).toContain('/m-00002-of-00002.gguf');
    server.put('/m-00002-of-00002.gguf', second);
    expect(await inspect(uri)).toMatchObject({ parts: 2, sizeBytes: first.length + second.length });
    expect(await refusal(`${server.origin}/m-00002-of-00002.gguf`)).toContain(
      'expected the first file of a split model',
    );
    expect(await refusal(server.put('/alone.gguf', first))).toContain('expected split.count 1, got 2');
  });

  test('has an identity of URI, size and ETag, and not of the time', async () => {
    const uri = server.put('/m.gguf', modelBytes(), { etag: '"1"', modified: new Date(0) });
    const { identity } = await inspect(uri);
    server.put('/m.gguf', modelBytes(), { etag: '"1"', modified: new Date(5000) });
    expect((await inspect(uri)).identity).toBe(identity);
    server.put('/m.gguf', modelBytes(), { etag: '"2"', modified: new Date(0) });
    const other = (await inspect(uri)).identity;
    expect(other).not.toBe(identity);
    server.put('/m.gguf', Buffer.concat([modelBytes(), Buffer.alloc(32)]), { etag: '"2"' });
    expect((await inspect(uri)).identity).not.toBe(other);
    const elsewhere = server.put('/n.gguf', modelBytes(), { etag: '"1"' });
    expect((await inspect(elsewhere)).identity).not.toBe(identity);
  });

  test('does not read a header again that it knows', async () => {
    const uri = server.put('/m.gguf', modelBytes());
    await inspect(uri);
    const asked = server.seen.length;
    await inspect(uri);
    expect(server.seen.slice(asked)).toMatchObject([{ range: 'bytes=0-0' }]);
  });

  test('refuses what is no GGUF file, is not there or is forbidden, without the query', async () => {
    const uri = server.put('/m.gguf', Buffer.from('this is not a model, but it is long enough'));
    expect(await refusal(`${uri}?sig=secret`)).toBe(
      `Cannot read weight file "${uri}": not a GGUF file: expected it to start with "GGUF"`,
    );
    expect(await refusal(`${server.origin}/none.gguf?sig=secret`)).toBe(
      `Cannot read "${server.origin}/none.gguf": there is no such thing (status 404)`,
    );
    server.put('/cut.gguf', modelBytes().subarray(0, -8));
    expect(await refusal(`${server.origin}/cut.gguf`)).toContain('truncated');
    expect(await refusal('gs://bucket/m.gguf')).toContain('expected a path, or a URI');
  });

  test('is source_unavailable when its source is down, and asks it once for all that it has', async () => {
    const uri = server.put('/m.gguf', modelBytes());
    server.intercept = (_request, response) => {
      response.writeHead(503, { 'retry-after': '3600' }).end();
      return true;
    };
    const files = await open();
    for (const name of ['m', 'n', 'o']) {
      const facts = await files.inspect(uri.replace('/m.', `/${name}.`));
      expect(facts).toMatchObject({ ok: false, error: { code: 'source_unavailable' } });
      expect(facts.ok || facts.error.message).toContain('the server failed (status 503)');
    }
    expect(server.seen).toHaveLength(1);
  });

  test('does not wait for ever', async () => {
    const uri = server.put('/m.gguf', modelBytes());
    server.intercept = () => true;
    const facts = await (await open(200)).inspect(uri);
    expect(facts).toMatchObject({ ok: false, error: { code: 'source_unavailable' } });
  });

  test('leaves files on this machine as they are', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'hearth-weights-'));
    const path = join(directory, 'm.gguf');
    await writeFile(path, modelBytes());
    expect(await inspect(path)).toMatchObject({ path, kind: 'model' });
    expect(await (await open()).recall(path)).toMatchObject({ ok: true, value: { staleBecause: null } });
    await rm(directory, { recursive: true });
    expect(store.rows.size).toBe(0);
  });
});

describe('SourcedFiles.recall()', () => {
  test.each([503, 403, 404])(
    'gives what was known, also after a restart, when its source answers %d',
    async (status) => {
      const uri = server.put('/m.gguf', modelBytes('llama', 4096));
      const facts = await inspect(uri);
      server.intercept = (_request, response) => {
        response.writeHead(status, { 'retry-after': '3600' }).end();
        return true;
      };
      const recalled = await (await open()).recall(uri);
      expect(recalled).toMatchObject({ ok: true, value: { facts } });
      expect(recalled.ok && recalled.value.staleBecause).toContain(`status ${status}`);
      expect(await (await open()).recall(`${uri}2`)).toMatchObject({ ok: false });
    },
  );

  test('does not recall what was replaced by something that is no model', async () => {
    const uri = server.put('/m.gguf', modelBytes());
    await inspect(uri);
    server.put('/m.gguf', Buffer.from('not a model any more, whatever it was'));
    expect(await (await open()).recall(uri)).toMatchObject({ ok: false, error: { code: 'invalid_request' } });
  });

  test('has forgotten what is not used', async () => {
    const [one, other] = [server.put('/m.gguf', modelBytes()), server.put('/n.gguf', modelBytes())];
    const files = await open();
    for (const uri of [one, other]) await files.inspect(uri);
    await files.keepOnly(new Set([other]));
    expect([...store.rows.keys()]).toEqual([other]);
  });
});
