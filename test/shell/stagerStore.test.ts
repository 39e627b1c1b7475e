/** The weight store as the gateway has it, over real stager processes. */
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deviceName, segmentKey } from '../../gateway/domain/ids.ts';
import type { Log } from '../../gateway/ports/log.ts';
import type { OriginFiles } from '../../gateway/ports/originFiles.ts';
import type { SealedWeights } from '../../gateway/ports/sealedWeights.ts';
import { StageFailed, type StageOrder, type StageProgress } from '../../gateway/ports/weightStore.ts';
import type { NumaPlaces } from '../../gateway/shell/processes/numaPlaces.ts';
import { StagerStore } from '../../gateway/shell/stager/stagerStore.ts';
import { loadAddon } from '../../native/load.ts';
import { loadStoreAddon } from '../../native/loadStore.ts';
import {
  DISK,
  folderIn,
  isLeft,
  MEMORY,
  read,
  sourceFile,
  stage as stageNatively,
} from '../native/store/harness.ts';
import { KEY, KEY_NAME, sealed, sealedFile } from '../native/store/sealed.ts';

const ODD_BYTES = (9 << 20) + 777;
const ENTRY = join(import.meta.dirname, '..', '..', 'dist', 'stager.mjs');
/** The one node that every machine has. */
const CUDA0 = deviceName('CUDA0');
const PLACES: NumaPlaces = new Map([[CUDA0, { node: 0, cores: [0] }]]);
const UNBOUND = { bases: 2 ** 40, adapters: 2 ** 40 };

/** Gives keys as the gateway does, and remembers what it gave. */
class Keys implements SealedWeights {
  readonly given: Buffer[] = [];
  asked: string[] = [];
  key = KEY;
  place: Awaited<ReturnType<SealedWeights['judgePlace']>> = { allowed: true };

  async keyOf(name: string): ReturnType<SealedWeights['keyOf']> {
    this.asked.push(name);
    if (name !== KEY_NAME)
      return { ok: false, error: { message: `Cannot use encryption key "${name}": expected one of "main"` } };
    const value = Buffer.from(this.key);
    this.given.push(value);
    return { ok: true, value };
  }

  async judgePlace(): ReturnType<SealedWeights['judgePlace']> {
    return this.place;
  }
}

class Lines implements Log {
  text = '';
  readonly debug = this.#write;
  readonly info = this.#write;
  readonly warn = this.#write;
  readonly error = this.#write;

  #write(fields: object, message: string): void {
    this.text += `${JSON.stringify(fields)} ${message}\n`;
  }
}

let root = '';
let runDir = '';
let keys: Keys;
let lines: Lines;
const opened: StagerStore[] = [];

beforeEach(() => {
  root = join(folderIn(MEMORY), 'store');
  runDir = folderIn(DISK);
  keys = new Keys();
  lines = new Lines();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

/** Everything lies on this machine. */
const HERE: OriginFiles = {
  isRemote: () => false,
  placeOf: (_, source) => source,
  bring: ({ source }) => Promise.reject(new Error(`"${source}" is no URI`)),
  discard: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

function open(
  disk: string | null = null,
  budgets = UNBOUND,
  prefetchBytesPerSecond: number | null = null,
): StagerStore {
  const settings = {
    entry: ENTRY,
    runDir,
    environment: {},
    memory: { root, budgets },
    disk: disk === null ? null : { root: disk, budgets: UNBOUND },
    prefetchBytesPerSecond,
    collapses: true,
    places: PLACES,
  };
  const store = new StagerStore(settings, { sealed: keys, origins: HERE }, lines);
  opened.push(store);
  return store;
}

function order(source: string, more: Partial<StageOrder> = {}): StageOrder {
  const key = segmentKey(randomBytes(16).toString('hex'));
  const file = { source, fileName: basename(source), bytes: ODD_BYTES };
  const rest = { book: 'bases', isEncrypted: false, digest: null, priority: 'demand', device: null } as const;
  return { key, ...rest, ...file, ...more };
}

const stage = (store: StagerStore, wanted: StageOrder) => store.stage(wanted, () => {});

async function failureOf(promise: Promise<unknown>): Promise<StageFailed> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof StageFailed) return error;
  throw new Error(`Cannot see a failure: got ${String(error)}`);
}

describe('StagerStore.stage() of encrypted weights', () => {
  test('looks up the key that the container names, and wipes it', async () => {
    const plain = sourceFile(ODD_BYTES);
    const file = await stage(open(), order(await sealed(plain)));
    expect(basename(file.path)).toBe('model.gguf');
    expect(read(file.path).equals(read(plain))).toBe(true);
    const work = { threads: expect.any(Number), readMs: expect.any(Number), verifyMs: expect.any(Number) };
    const staged = { bytes: ODD_BYTES, downloadMs: null, work: { ...work, decryptMs: expect.any(Number) } };
    expect(file).toMatchObject({ bytes: ODD_BYTES, tier: 'origin', staged });
    expect(file.staged?.work?.decryptMs).toBeGreaterThan(0);
    expect(keys.asked).toEqual([KEY_NAME]);
    expect(keys.given.map((key) => key.equals(Buffer.alloc(32)))).toEqual([true]);
  });

  test('asks for no key of what is plain, and of what is staged already', async () => {
    const store = open();
    await stage(store, order(sourceFile(1000)));
    expect(keys.asked).toEqual([]);
    const wanted = order(await sealedFile(ODD_BYTES));
    await stage(store, wanted);
    expect(await stage(store, wanted)).toMatchObject({ tier: 'memory', staged: null });
    expect(keys.asked).toEqual([KEY_NAME]);
  });

  test('fails for good without the key', async () => {
    const path = await sealedFile(ODD_BYTES, { keyName: 'other' });
    expect(await failureOf(stage(open(), order(path)))).toMatchObject({
      code: 'key_unavailable',
      isPermanent: true,
      message: `Cannot stage "${path}": Cannot use encryption key "other": expected one of "main"`,
    });
    expect(isLeft(root, 'bases')).toEqual([]);
  });

  test('fails for good with another key, and shows it nobody', async () => {
    keys.key = randomBytes(32);
    const failure = await failureOf(stage(open(), order(await sealedFile(ODD_BYTES))));
    expect(failure).toMatchObject({ code: 'key_unavailable', isPermanent: true });
    const seen =
      failure.message + lines.text + readdirSync(runDir).map((name) => readFileSync(join(runDir, name)));
    for (const form of ['hex', 'base64', 'latin1'] as const)
      expect(seen).not.toContain(keys.key.toString(form));
  });

  test('is refused where the plaintext might leave the memory, before the key is looked up', async () => {
    keys.place = { allowed: false, reason: 'expected no swap against swap on "/dev/sda2"' };
    const path = await sealedFile(ODD_BYTES);
    expect(await failureOf(stage(open(), order(path)))).toMatchObject({
      code: 'refused',
      isPermanent: true,
      message: `Cannot stage "${path}": it is encrypted, and its plaintext might leave the memory: expected no swap against swap on "/dev/sda2"`,
    });
    expect(keys.asked).toEqual([]);
    expect(isLeft(root, 'bases')).toEqual([]);
  });

  test('never says of what finds no room that its source may be used as it is', async () => {
    const store = open(null, { bases: 1 << 20, adapters: 2 ** 40 });
    const full = { isPermanent: false, message: expect.stringContaining('of the budget of 1048576') };
    const plain = await failureOf(stage(store, order(sourceFile(ODD_BYTES))));
    expect(plain).toMatchObject({ code: 'store_unavailable', ...full });
    const path = await sealedFile(ODD_BYTES);
    expect(await failureOf(stage(store, order(path)))).toMatchObject({ code: 'refused', ...full });
  });

  test('tells damage from a wrong key', async () => {
    const path = await sealedFile(ODD_BYTES);
    const bytes = read(path);
    bytes[5_000_000] = (bytes[5_000_000] ?? 0) ^ 1;
    rmSync(path);
    writeFileSync(path, bytes);
    expect(await failureOf(stage(open(), order(path)))).toMatchObject({ code: 'damaged', isPermanent: true });
  });

  test('stages from a copy on disk that is as encrypted as its origin', async () => {
    const path = await sealedFile(ODD_BYTES);
    const disk = join(folderIn(DISK), 'disk');
    const wanted = order(path);
    const saving = loadStoreAddon().openStore({ root: disk, durable: true });
    const named = { sourceKey: wanted.key, keys: [{ name: KEY_NAME, key: KEY }] };
    const saved = await stageNatively(saving, path, named);
    expect(existsSync(join(saved.lease.path, 'model.gguf.hearth'))).toBe(true);
    rmSync(path);
    const file = await stage(open(disk), wanted);
    expect(file).toMatchObject({ tier: 'disk', staged: { bytes: ODD_BYTES } });
    expect(basename(file.path)).toBe('model.gguf');
  });
});

describe('StagerStore.stage() tells where the bytes came from', () => {
  test('of a plain file, without a time for what was not needed', async () => {
    const file = await stage(open(), order(sourceFile(ODD_BYTES)));
    expect(file.tier).toBe('origin');
    expect(file.staged?.bytes).toBe(ODD_BYTES);
    expect(file.staged?.work).toMatchObject({ decryptMs: null });
    expect(file.staged?.work?.threads).toBeGreaterThan(0);
  });

  test('the same for all who wait for one staging', async () => {
    const store = open();
    const wanted = order(sourceFile(ODD_BYTES));
    const [first, second] = await Promise.all([stage(store, wanted), stage(store, wanted)]);
    expect(second).toMatchObject({ tier: 'origin', staged: { bytes: ODD_BYTES } });
    expect(second?.staged?.work).toEqual(first?.staged?.work);
  });

  test('and does not know it of what another gateway stages', async () => {
    const path = sourceFile(64 << 20);
    const wanted = order(path, { priority: 'prefetch', bytes: 64 << 20 });
    const [slow, other] = [open(null, UNBOUND, 16 << 20), open()];
    let begun = (): void => {};
    const heard = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const first = slow.stage(wanted, ({ bytes }) => bytes > 0 && begun());
    await heard;
    const joined = await stage(other, wanted);
    expect(await first).toMatchObject({ tier: 'origin' });
    expect(joined).toMatchObject({ tier: null, staged: { bytes: 64 << 20, downloadMs: null, work: null } });
  });

  test('says how far it is, in bytes and as a share', async () => {
    const told: StageProgress[] = [];
    await open().stage(order(sourceFile(ODD_BYTES)), (progress) => told.push(progress));
    expect(told[0]).toEqual({ step: 'stage', bytes: 0, totalBytes: ODD_BYTES, fraction: 0 });
    expect(told.at(-1)).toEqual({ step: 'stage', bytes: ODD_BYTES, totalBytes: ODD_BYTES, fraction: 1 });
  });
});

describe('StagerStore.stage() for a device', () => {
  /** Where the kernel is to put the pages of the file, which every mapping of it shares (numa(7), numa_maps). */
  function policyOf(path: string): string | undefined {
    const mapped = loadAddon().addon.mapFile(path);
    try {
      const lines = readFileSync('/proc/self/numa_maps', 'utf8').split('\n');
      return lines.find((line) => line.includes(`file=${path}`))?.split(' ')[1];
    } finally {
      mapped.close();
    }
  }

  test('has its pages near to it', async () => {
    const file = await stage(open(), order(sourceFile(ODD_BYTES), { device: CUDA0 }));
    expect(policyOf(file.path)).toBe('prefer:0');
    expect(read(file.path).length).toBe(ODD_BYTES);
  });

  test('leaves them to the kernel where the device has no place, and without a device', async () => {
    const store = open();
    for (const device of [deviceName('CUDA1'), null]) {
      const file = await stage(store, order(sourceFile(ODD_BYTES), { device }));
      expect(policyOf(file.path)).toBe('default');
    }
  });

  test('leaves what is there already where it is', async () => {
    const store = open();
    const wanted = order(sourceFile(ODD_BYTES));
    await stage(store, wanted);
    const file = await stage(store, { ...wanted, device: CUDA0 });
    expect([file.tier, policyOf(file.path)]).toEqual(['memory', 'default']);
  });
});

test('StagerStore.stage() gives the place of a file that an equal one of another name was staged for', async () => {
  const first = sourceFile(ODD_BYTES, folderIn(DISK), 'a.gguf');
  const second = join(folderIn(DISK), 'b.gguf');
  copyFileSync(first, second);
  const store = open();
  await stage(store, order(first));
  const file = await stage(store, order(second));
  expect(existsSync(file.path)).toBe(true);
  expect(read(file.path).equals(read(second))).toBe(true);
});
