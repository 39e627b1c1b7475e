/** Encrypted files behind URIs, as the catalogue looks at them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SourceAccess } from '../../gateway/catalogue/sourceAccess.ts';
import { SourcedFiles } from '../../gateway/catalogue/sourcedFiles.ts';
import { ConfiguredKeys } from '../../gateway/compose/encryption.ts';
import { CHUNK_BYTES, containerBytes } from '../../gateway/domain/containerLayout.ts';
import { MemorySourceFacts } from '../fakes/memorySourceFacts.ts';
import { KEY, sealed } from '../native/store/sealed.ts';
import { WeightServer } from '../sources/weightServer.ts';
import { adapterBytes, modelBytes, vocabularyBytes } from './ggufBytes.ts';

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

let folder = '';
let server: WeightServer;
let environment: Record<string, string>;
let store: MemorySourceFacts;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-encrypted-'));
  server = await WeightServer.start();
  environment = { MAIN_KEY: KEY.toString('hex') };
  store = new MemorySourceFacts();
  writeFileSync(join(folder, 'hearth.yaml'), 'encryption_keys: { main: { env: MAIN_KEY } }');
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function container(name: string, bytes: Buffer, keyName = 'main'): Promise<Buffer> {
  const plain = join(folder, name);
  writeFileSync(plain, bytes);
  return readFileSync(await sealed(plain, { keyName }));
}

const put = async (name: string, bytes: Buffer, keyName?: string) =>
  server.put(`/${name}.hearth`, await container(name, bytes, keyName));

function open(): Promise<SourcedFiles> {
  const keys = new ConfiguredKeys(join(folder, 'hearth.yaml'), environment);
  return SourcedFiles.open({ access: new SourceAccess(() => undefined), sealed: keys, store, log: QUIET });
}

async function refusal(uri: string): Promise<string> {
  const facts = await (await open()).inspect(uri);
  if (facts.ok) throw new Error('was accepted');
  return facts.error.message;
}

describe('SourcedFiles.inspect() of an encrypted file behind a URI', () => {
  test('tells what its plaintext says, and reads the first chunk and its tag alone', async () => {
    const bytes = Buffer.concat([modelBytes('llama', 4096), Buffer.alloc(3 * CHUNK_BYTES)]);
    const uri = await put('m.gguf', bytes);
    expect(await (await open()).inspect(uri)).toMatchObject({
      ok: true,
      value: {
        isEncrypted: true,
        sizeBytes: bytes.length,
        trainedContextTokens: 4096,
        architecture: 'llama',
      },
    });
    const tagAt = 4096 + bytes.length;
    expect(server.ranged).toEqual([
      'bytes=0-262143',
      `bytes=4096-${4096 + CHUNK_BYTES - 1}`,
      `bytes=${tagAt}-${tagAt + 15}`,
    ]);
  });

  test('reads a vocabulary over several chunks, and an adapter', async () => {
    const bytes = vocabularyBytes(400_000);
    expect(bytes.length).toBeGreaterThan(2 * CHUNK_BYTES);
    const files = await open();
    expect(await files.inspect(await put('v.gguf', bytes))).toMatchObject({
      ok: true,
      value: { sizeBytes: bytes.length, trainedContextTokens: 131_072 },
    });
    expect(await files.inspect(await put('a.gguf', adapterBytes('qwen2')))).toMatchObject({
      ok: true,
      value: { kind: 'adapter', isEncrypted: true },
    });
  });

  test('reads it from a server without ranges', async () => {
    server.ranges = false;
    expect(await (await open()).inspect(await put('m.gguf', modelBytes()))).toMatchObject({ ok: true });
  });

  test('needs no key for what is known, also after a restart', async () => {
    const uri = await put('m.gguf', modelBytes());
    const first = await (await open()).inspect(uri);
    delete environment['MAIN_KEY'];
    expect(first).toMatchObject({ ok: true, value: { isEncrypted: true } });
    expect(await (await open()).inspect(uri)).toEqual(first);
    server.put('/m.gguf.hearth', server.files.get('/m.gguf.hearth')?.bytes ?? Buffer.alloc(0), {
      etag: '"2"',
    });
    expect(await refusal(uri)).toContain('environment variable "MAIN_KEY": it is not set');
  });

  test('refuses another key, damage, a cut tail, and what is split, by name and without the key', async () => {
    const uri = await put('m.gguf', modelBytes());
    const { bytes } = server.files.get('/m.gguf.hearth') ?? { bytes: Buffer.alloc(0) };
    environment['MAIN_KEY'] = '0'.repeat(64);
    const wrong = await refusal(uri);
    expect(wrong).toContain(`Cannot read weight file "${uri}": wrong key`);
    expect(wrong).not.toContain(environment['MAIN_KEY']);
    environment['MAIN_KEY'] = KEY.toString('hex');
    const flipped = Buffer.from(bytes);
    flipped[4100] = (flipped[4100] ?? 0) ^ 1;
    expect(await refusal(server.put('/m.gguf.hearth', flipped))).toContain('damage in chunk 0');
    const cut = bytes.subarray(0, -1);
    expect(await refusal(server.put('/m.gguf.hearth', cut))).toContain(
      `expected ${bytes.length} bytes against ${bytes.length - 1}`,
    );
    expect(await refusal(await put('n.gguf', modelBytes(), 'other'))).toContain('expected one of "main"');
  });

  test('has the size that containerBytes() reckons', async () => {
    for (const size of [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
      expect(containerBytes(size)).toBe((await container(`${size}`, Buffer.alloc(size))).length);
  });
});
