import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GgufFiles } from '../../../gateway/catalogue/ggufFiles.ts';
import { ConverterThread } from '../../../gateway/catalogue/peft/converterThread.ts';
import { type ConvertJob, convertPeft } from '../../../gateway/catalogue/peft/convertPeft.ts';
import { PeftAdapters } from '../../../gateway/catalogue/peft/peftAdapters.ts';
import { ok } from '../../../gateway/domain/errors.ts';
import { SealedReader } from '../../../gateway/encryption/sealedReader.ts';
import { WeightKey } from '../../../gateway/encryption/weightKey.ts';
import type { ModelFileFacts } from '../../../gateway/ports/modelFile.ts';
import type { ReadableFile } from '../../../gateway/ports/readableFile.ts';
import { KEY, KEY_NAME, sealed } from '../../native/store/sealed.ts';
import { baseBytes, CONFIG, peftTensors, TINY_MODELS, type TinyModel, writePeft } from './tinyModels.ts';

const [LLAMA, MISTRAL] = TINY_MODELS as readonly [TinyModel, TinyModel];
const BUNDLE = join(import.meta.dirname, '../../../dist/peftConverter.mjs');

let root = '';
let peft = '';
let data = '';
let base: ModelFileFacts;
let jobs: ConvertJob[];
const files = new GgufFiles();
/** Converts here, and keeps what it was asked. */
const counting = {
  run: (job: ConvertJob) => {
    jobs.push(job);
    return convertPeft(job);
  },
};
let adapters: PeftAdapters;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hearth-adapters-'));
  peft = writePeft(join(root, 'peft'), peftTensors(LLAMA));
  data = join(root, 'data/adapters');
  jobs = [];
  base = await factsOf('base.gguf', baseBytes(LLAMA));
  adapters = new PeftAdapters(data, counting, files);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function factsOf(name: string, bytes: Buffer): Promise<ModelFileFacts> {
  writeFileSync(join(root, name), bytes);
  const facts = await files.inspect(join(root, name));
  if (!facts.ok) throw new Error(facts.error.message);
  return facts.value;
}

async function converted(of = adapters, path = peft, by = base) {
  const made = await of.convert(path, by);
  if (!made.ok || !made.value) throw new Error(made.ok ? 'not converted' : made.error.message);
  return made.value;
}

async function refusal(path: string): Promise<string> {
  const made = await adapters.convert(path, base);
  if (made.ok) throw new Error('was accepted');
  expect(made.error).toMatchObject({ code: 'invalid_request', param: 'path' });
  expect(made.error.message).toContain(`Cannot convert PEFT adapter "${path}": `);
  return made.error.message;
}

describe('PeftAdapters.convert()', () => {
  test('leaves alone what is no directory', async () => {
    expect(await adapters.convert(base.path, base)).toEqual(ok(null));
    expect(await adapters.convert(join(root, 'nothing'), base)).toEqual(ok(null));
    expect(existsSync(data)).toBe(false);
  });

  test('makes the file once for all who ask at the same time, and then finds it without reading the weights', async () => {
    const all = await Promise.all([converted(), converted(), converted()]);
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(jobs).toHaveLength(1);
    const next = new PeftAdapters(data, counting, new GgufFiles());
    expect(await converted(next)).toEqual(all[0]);
    expect(jobs).toHaveLength(1);
    expect(basename(all[0]?.path ?? '')).toBe(`${all[0]?.digest}.gguf`);
  });

  test('reads again what was touched, and gives the same file', async () => {
    const first = await converted();
    utimesSync(join(peft, 'adapter_config.json'), 1, 1);
    const second = await converted();
    expect(jobs).toHaveLength(2);
    expect(second.path).toBe(first.path);
  });

  test('gives another file for other weights, another configuration, another base', async () => {
    const seen = [await converted()];
    writePeft(peft, peftTensors({ ...LLAMA, name: 'other numbers' }));
    seen.push(await converted());
    writePeft(peft, peftTensors(LLAMA), { ...CONFIG, lora_alpha: 1 });
    seen.push(await converted());
    const changed = { 'llama.attention.head_count': 2, 'llama.attention.head_count_kv': 1 };
    seen.push(await converted(adapters, peft, await factsOf('wider.gguf', baseBytes(LLAMA, changed))));
    expect(new Set(seen.map(({ digest }) => digest)).size).toBe(4);
    expect(readdirSync(data).filter((name) => name.endsWith('.gguf'))).toHaveLength(4);
  });

  test('makes the file again when it has gone or is no GGUF any more', async () => {
    const { path } = await converted();
    rmSync(path);
    expect((await converted()).path).toBe(path);
    chmodSync(path, 0o600);
    writeFileSync(path, 'nonsense');
    expect((await converted()).path).toBe(path);
    expect(jobs).toHaveLength(3);
    expect(await files.inspect(path)).toMatchObject({ ok: true, value: { kind: 'adapter' } });
  });

  test('refuses it for a base that it does not fit, also when it was converted for another', async () => {
    await converted();
    base = await factsOf('mistral.gguf', baseBytes(MISTRAL));
    expect(await refusal(peft)).toContain('to go from 64 to 96 as in the base, got from 64 to 64');
  });

  test.each([
    ['an empty directory', () => {}, 'there is no adapter_config.json in it'],
    [
      'a directory without weights',
      (at: string) => writeFileSync(join(at, 'adapter_config.json'), '{}'),
      'expected adapter_model.safetensors or adapter_model.safetensors.index.json in it',
    ],
    [
      'a pickle',
      (at: string) => {
        writeFileSync(join(at, 'adapter_config.json'), '{}');
        writeFileSync(join(at, 'adapter_model.bin'), '');
      },
      'got adapter_model.bin, which can run code when it is read',
    ],
    [
      'a configuration that is a directory',
      (at: string) => mkdirSync(join(at, 'adapter_config.json')),
      'expected adapter_config.json to be a file',
    ],
    [
      'a configuration without end',
      (at: string) => {
        writePeft(at, []);
        writeFileSync(join(at, 'adapter_config.json'), Buffer.alloc(2 ** 20 + 1, ' '));
      },
      'of at most 1048576 bytes, got 1048577',
    ],
    [
      'an index that leads out of the directory',
      (at: string) => {
        writeFileSync(join(at, 'adapter_config.json'), '{}');
        const map = { a: '../../etc/passwd.safetensors' };
        writeFileSync(join(at, 'adapter_model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
      },
      'expected names of .safetensors files beside it, got "../../etc/passwd.safetensors"',
    ],
    [
      'an index of nothing',
      (at: string) => {
        writeFileSync(join(at, 'adapter_config.json'), '{}');
        writeFileSync(join(at, 'adapter_model.safetensors.index.json'), '{"weight_map":{}}');
      },
      'expected 1 to 1024 files, got 0',
    ],
    [
      'an index that is none',
      (at: string) => {
        writeFileSync(join(at, 'adapter_config.json'), '{}');
        writeFileSync(join(at, 'adapter_model.safetensors.index.json'), 'null');
      },
      'expected an object "weight_map"',
    ],
    ['a truncated file', (at: string) => truncated(at), 'expected 1024 bytes of tensor'],
  ])('refuses %s', async (_, fill, reason) => {
    const directory = join(root, 'bad');
    mkdirSync(directory);
    fill(directory);
    expect(await refusal(directory)).toContain(reason);
    expect(existsSync(data) ? readdirSync(data) : []).toEqual([]);
  });

  test('refuses what changes while it is read', async () => {
    const changing = {
      run: async (job: ConvertJob) => {
        const conversion = convertPeft(job, () => utimesSync(join(peft, 'adapter_config.json'), 2, 2));
        return conversion;
      },
    };
    adapters = new PeftAdapters(data, changing, files);
    expect(await refusal(peft)).toContain('it changed while it was read');
  });
});

function truncated(directory: string): void {
  const tensors = peftTensors(LLAMA);
  const last = tensors.at(-1);
  writePeft(directory, [
    ...tensors.slice(0, -1),
    ...(last ? [{ ...last, bytes: last.bytes.subarray(4) }] : []),
  ]);
}

describe('PeftAdapters.removeUnused()', () => {
  test('removes files that nobody has, drafts and links to what has gone, and nothing else', async () => {
    const kept = await converted();
    writePeft(peft, peftTensors(LLAMA), { ...CONFIG, lora_alpha: 3 });
    const unused = await converted();
    writeFileSync(`${kept.path}.0123abcd.tmp`, 'half');
    writeFileSync(join(data, 'README'), 'mine');
    symlinkSync('../nowhere.gguf', join(data, 'sources', 'f'.repeat(32)));
    expect(readdirSync(join(data, 'sources'))).toHaveLength(3);
    await adapters.removeUnused(new Set([kept.path]));
    expect(readdirSync(data).sort()).toEqual([basename(kept.path), 'README', 'sources'].sort());
    expect(readdirSync(join(data, 'sources'))).toHaveLength(1);
    expect(existsSync(unused.path)).toBe(false);
    writePeft(peft, peftTensors(LLAMA));
    expect((await converted()).path).toBe(kept.path);
  });

  test('does nothing where nothing was ever converted', async () => {
    await adapters.removeUnused(new Set());
    expect(existsSync(data)).toBe(false);
  });
});

describe('PeftAdapters.convert() for an encrypted base', () => {
  const opened: number[] = [];
  const reading = (keys: Record<string, Buffer>) => ({
    open: (file: ReadableFile, fileBytes: number) =>
      SealedReader.open(file, fileBytes, async (name) => {
        opened.push(1);
        const key = keys[name];
        if (!key) throw new Error(`there is no key "${name}"`);
        return new WeightKey(key);
      }),
  });

  async function encrypted(): Promise<ModelFileFacts> {
    const path = await sealed(join(root, 'base.gguf'));
    rmSync(join(root, 'base.gguf'));
    const facts = await new GgufFiles(reading({ [KEY_NAME]: KEY })).inspect(path);
    if (!facts.ok) throw new Error(facts.error.message);
    opened.length = 0;
    return facts.value;
  }

  test('makes the same file as for the plain one, on the thread, and needs the key once', async () => {
    const plain = await converted();
    const secret = await encrypted();
    const thread = new ConverterThread(BUNDLE, { stallMs: 60_000, idleMs: 1 });
    const of = new PeftAdapters(join(root, 'other'), thread, files, reading({ [KEY_NAME]: KEY }));
    const made = await converted(of, peft, secret);
    expect(made.digest).toBe(plain.digest);
    expect(readFileSync(made.path).equals(readFileSync(plain.path))).toBe(true);
    expect(opened).toHaveLength(1);
    expect((await converted(of, peft, secret)).path).toBe(made.path);
    expect(opened).toHaveLength(1);
  });

  test('refuses a base whose key has gone, and starts no conversion', async () => {
    const secret = await encrypted();
    const of = new PeftAdapters(data, counting, files, reading({}));
    expect(await of.convert(peft, secret)).toMatchObject({
      ok: false,
      error: {
        code: 'invalid_request',
        message: `Cannot convert PEFT adapter "${peft}": there is no key "${KEY_NAME}"`,
      },
    });
    expect(jobs).toEqual([]);
  });
});

describe('ConverterThread.run()', () => {
  beforeAll(() => expect(existsSync(BUNDLE)).toBe(true));
  const job = () => ({ directory: peft, base: base.path, outputDir: data });

  test('converts on a thread that it keeps for the next job and ends when idle', async () => {
    const thread = new ConverterThread(BUNDLE, { stallMs: 60_000, idleMs: 1 });
    const both = await Promise.all([thread.run(job()), thread.run(job())]);
    expect(both.map(({ isNew }) => isNew)).toEqual([true, false]);
    while (thread.isRunning) await new Promise((resolve) => setImmediate(resolve));
    expect((await thread.run(job())).digest).toBe(both[0]?.digest);
  });

  test('tells what the conversion says, and goes on', async () => {
    const thread = new ConverterThread(BUNDLE);
    const bad = join(root, 'bad');
    cpSync(peft, bad, { recursive: true });
    writeFileSync(join(bad, 'adapter_config.json'), '{"use_dora":true}');
    await expect(thread.run({ ...job(), directory: bad })).rejects.toThrow('expected no DoRA');
    expect((await thread.run(job())).isNew).toBe(true);
  });

  test('ends a thread that makes no progress, as one whose pattern backtracks without end, and starts another', async () => {
    const thread = new ConverterThread(BUNDLE, { stallMs: 5000, idleMs: 1 });
    const hanging = writePeft(join(root, 'hanging'), peftTensors(LLAMA), {
      ...CONFIG,
      alpha_pattern: { '(([a-z0-9_.])+)+!': 2 },
    });
    await expect(thread.run({ ...job(), directory: hanging })).rejects.toThrow(
      'the conversion made no progress for 5000 ms',
    );
    expect((await thread.run(job())).isNew).toBe(true);
  });

  test('rejects when the thread cannot start or ends, and the process goes on', async () => {
    const ending = join(root, 'ending.mjs');
    writeFileSync(
      ending,
      `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3));`,
    );
    await expect(new ConverterThread(ending).run(job())).rejects.toThrow('the converter ended: exit code 3');
    const greedy = join(root, 'greedy.mjs');
    writeFileSync(
      greedy,
      `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { const all = []; for (;;) all.push(new Array(1e6).fill({})); });`,
    );
    await expect(new ConverterThread(greedy).run(job())).rejects.toThrow(
      'the converter ended: Worker terminated',
    );
    await expect(new ConverterThread(join(root, 'none.mjs')).run(job())).rejects.toThrow(
      'Cannot find module',
    );
  });
});
