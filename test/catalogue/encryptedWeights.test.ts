/** Encrypted models in the catalogue, by the configuration's own keys. */
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CatalogueService } from '../../gateway/catalogue/catalogueService.ts';
import { GgufFiles } from '../../gateway/catalogue/ggufFiles.ts';
import { SourceAccess } from '../../gateway/catalogue/sourceAccess.ts';
import { ConfiguredKeys } from '../../gateway/compose/encryption.ts';
import { modelId } from '../../gateway/domain/ids.ts';
import { MemoryCatalogueStore } from '../fakes/memoryCatalogueStore.ts';
import { MemoryEventLog } from '../fakes/memoryEventLog.ts';
import { NO_CONVERTER } from '../fakes/noConverter.ts';
import { splitGguf } from '../fixtures/splitGguf.ts';
import { KEY, sealed } from '../native/store/sealed.ts';
import { ggufOf, modelBytes, vocabularyBytes } from './ggufBytes.ts';

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

let folder: string;
let keys: ConfiguredKeys;
let environment: Record<string, string>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-encrypted-'));
  environment = { MAIN_KEY: KEY.toString('hex') };
  keys = new ConfiguredKeys(join(folder, 'hearth.yaml'), environment);
});
afterEach(() => rmSync(folder, { recursive: true }));

const YAML = `
models: [{ id: secret, path: secret.gguf.hearth }]
encryption_keys: { main: { env: MAIN_KEY } }
`;

/** Puts `<name>.hearth` into the folder, and nothing plain. */
async function put(name: string, bytes: Buffer, keyName = 'main'): Promise<string> {
  const plain = join(folder, name);
  writeFileSync(plain, bytes);
  const path = await sealed(plain, { keyName });
  rmSync(plain);
  return path;
}

function configure(text = YAML): void {
  writeFileSync(join(folder, 'hearth.yaml'), text);
}

async function refusal(path: string): Promise<string> {
  const facts = await new GgufFiles(keys).inspect(path);
  if (facts.ok) throw new Error('was accepted');
  return facts.error.message;
}

test('CatalogueService.open() takes an encrypted model by what its plaintext says', async () => {
  configure();
  const bytes = modelBytes('llama', 512);
  const path = await put('secret.gguf', bytes);
  const opened = await CatalogueService.open({
    configPath: join(folder, 'hearth.yaml'),
    files: new GgufFiles(keys),
    converter: NO_CONVERTER,
    sources: new SourceAccess(() => undefined),
    store: new MemoryCatalogueStore(),
    events: new MemoryEventLog(),
    log: QUIET,
    clock: { monoMs: () => 0, epochMs: () => 0 },
  });
  if (!opened.ok) throw new Error(opened.error.message);
  const model = opened.value.current().models.get(modelId('secret'));
  expect(model).toMatchObject({ path, contextTokens: 512, weightBytes: bytes.length, isEncrypted: true });
});

describe('GgufFiles.inspect() of encrypted files', () => {
  beforeEach(() => configure());

  test('reads a vocabulary over several chunks', async () => {
    const bytes = vocabularyBytes(400_000);
    expect(bytes.length).toBeGreaterThan(2 * 4 * 2 ** 20);
    const path = await put('vocabulary.gguf', bytes);
    expect(await new GgufFiles(keys).inspect(path)).toMatchObject({
      ok: true,
      value: { isEncrypted: true, sizeBytes: bytes.length, trainedContextTokens: 131_072 },
    });
  });

  test('says of a plain file that it is plain', async () => {
    const path = join(folder, 'plain.gguf');
    writeFileSync(path, modelBytes());
    expect(await new GgufFiles(keys).inspect(path)).toMatchObject({
      ok: true,
      value: { isEncrypted: false },
    });
  });

  test('reads the key once for as long as the file stays', async () => {
    const path = await put('secret.gguf', modelBytes());
    const files = new GgufFiles(keys);
    const first = await files.inspect(path);
    delete environment['MAIN_KEY'];
    expect(await files.inspect(path)).toEqual(first);
    expect(await refusal(path)).toContain('environment variable "MAIN_KEY": it is not set');
  });

  test('refuses without a key, with another, or what is no model inside', async () => {
    expect(await refusal(await put('a.gguf', modelBytes(), 'other'))).toContain('expected one of "main"');
    expect(await refusal(await put('b.gguf', modelBytes(), ''))).toContain(
      'expected a container that names it',
    );
    expect(await refusal(await put('c.gguf', Buffer.alloc(100)))).toContain('not a GGUF file');
    environment['MAIN_KEY'] = '0'.repeat(64);
    const message = await refusal(await put('d.gguf', modelBytes()));
    expect(message).toContain('wrong key');
    expect(message).not.toContain(environment['MAIN_KEY']);
  });

  test('tells a split model of containers as the sum of what is in them, also beside plain parts', async () => {
    const tensors = [0, 1].map((number) => ({ name: `t${number}`, shape: [64] }));
    const metadata = {
      'general.architecture': 'llama',
      'general.type': 'model',
      'llama.context_length': 512,
    };
    const whole = join(folder, 'whole');
    writeFileSync(whole, ggufOf(metadata, tensors));
    const [first = '', second = ''] = splitGguf(whole, folder, 'big', 2);
    const sizeBytes = statSync(first).size + statSync(second).size;
    const sealedFirst = await sealed(first);
    expect(await refusal(sealedFirst)).toContain('"big-00002-of-00002.gguf.hearth": there is no such file');
    const plain = join(folder, 'big-00002-of-00002.gguf.hearth');
    copyFileSync(second, plain);
    const expected = { sizeBytes, parts: 2, isEncrypted: true };
    expect(await new GgufFiles(keys).inspect(sealedFirst)).toMatchObject({ ok: true, value: expected });
    rmSync(plain);
    await sealed(second);
    expect(await new GgufFiles(keys).inspect(sealedFirst)).toMatchObject({ ok: true, value: expected });
    rmSync(plain);
    await sealed(second, { key: Buffer.alloc(32, 1) });
    expect(await refusal(sealedFirst)).toContain('its part "big-00002-of-00002.gguf.hearth": ');
  });

  test('opens none without somebody who has keys', async () => {
    const facts = await new GgufFiles().inspect(await put('secret.gguf', modelBytes()));
    expect(facts).toMatchObject({ ok: false, error: { code: 'invalid_request' } });
  });
});

describe('ConfiguredKeys.forStore()', () => {
  test('gives the key of a name, as the configuration is then', async () => {
    configure();
    const store = keys.forStore('/dev/shm/hearth-not-there');
    expect(await store.keyOf('main')).toEqual({ ok: true, value: KEY });
    expect(await store.keyOf('other')).toMatchObject({ ok: false });
    expect(await store.keyOf('')).toMatchObject({ ok: false });
    configure('encryption_keys: {}');
    expect(await store.keyOf('main')).toMatchObject({ ok: false });
    configure('encryption_keys: 7');
    const broken = await store.keyOf('main');
    expect(!broken.ok && broken.error.message).toContain('Cannot use configuration');
  });

  test('judges the place of the store, and takes a disk for none', async () => {
    configure('weights: { allow_swap: true }');
    expect(await keys.forStore('/dev/shm/hearth-not-there').judgePlace()).toMatchObject({ allowed: true });
    const disk = await keys.forStore('/proc').judgePlace();
    expect(disk).toEqual({ allowed: false, reason: 'expected a store on tmpfs against proc' });
  });
});
