import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CryptError } from '../../native/cryptTypes.ts';
import { builtBinary } from '../../native/load.ts';
import { loadCryptAddon } from '../../native/loadCrypt.ts';
import { openContainer, sealContainer } from '../fixtures/container-by-document.mjs';

const CHUNK = 4 * 2 ** 20;
const KEY = randomBytes(32);
const addon = loadCryptAddon();

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-crypt-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const encrypt = (input: string, output: string, keyName = 'main') =>
  addon.encrypt({ input: at(input), output: at(output), key: KEY, keyName, threads: 2 });
const decrypt = (input: string, output: string, key: Uint8Array = KEY) =>
  addon.decrypt({ input: at(input), output: at(output), key, threads: 2 });

async function refusal(promise: Promise<unknown>): Promise<CryptError> {
  try {
    await promise;
  } catch (error) {
    return error as CryptError;
  }
  throw new Error('was not refused');
}

describe('encrypt()', () => {
  test.each([0, 1, CHUNK - 1, CHUNK, 2 * CHUNK + 12345])(
    'writes what the document alone decrypts, of %i bytes',
    async (bytes) => {
      const plain = randomBytes(bytes);
      writeFileSync(at('plain'), plain);
      const info = await encrypt('plain', 'sealed').done;
      expect(info).toEqual({
        plaintextBytes: bytes,
        containerBytes: statSync(at('sealed')).size,
        keyName: 'main',
      });
      expect(openContainer(readFileSync(at('sealed')), KEY).equals(plain)).toBe(true);
    },
  );

  test('names an input that is not there, and keeps the key out of its words', async () => {
    const error = await refusal(encrypt('missing', 'sealed').done);
    expect(error.code).toBe('not_found');
    expect(error.message).toBe(`Cannot encrypt "${at('missing')}": there is no such file`);
    expect(JSON.stringify(error)).not.toContain(KEY.toString('hex'));
  });

  test('refuses options of the wrong kind without a job', () => {
    const good = { input: 'a', output: 'b', key: KEY, keyName: '', threads: 1 };
    const throwing = (options: object) => () => addon.encrypt({ ...good, ...options });
    expect(throwing({ key: KEY.subarray(1) })).toThrow('Cannot encrypt: property "key", expected 32 bytes');
    expect(throwing({ key: 'k'.repeat(32) })).toThrow('property "key"');
    expect(throwing({ key: new Uint16Array(16) })).toThrow('property "key"');
    expect(throwing({ threads: 0 })).toThrow('property "threads"');
    expect(throwing({ threads: 1.5 })).toThrow('property "threads"');
    expect(throwing({ threads: 65 })).toThrow('property "threads"');
    expect(throwing({ input: 7 })).toThrow('property "input"');
    expect(throwing({ keyName: null })).toThrow('property "keyName"');
    expect(() => addon.encrypt(undefined as never)).toThrow('expected an object');
  });

  test('uses a copy of the key, which may be wiped as soon as it returns', async () => {
    writeFileSync(at('plain'), 'text');
    const key = Buffer.from(KEY);
    const job = addon.encrypt({ input: at('plain'), output: at('sealed'), key, keyName: '', threads: 1 });
    key.fill(0);
    await job.done;
    expect(openContainer(readFileSync(at('sealed')), KEY).toString()).toBe('text');
  });
});

describe('decrypt()', () => {
  test.each([0, 5, CHUNK, CHUNK + 1])(
    'reads what the document alone encrypted, of %i bytes',
    async (bytes) => {
      const plain = randomBytes(bytes);
      const made = { salt: randomBytes(32), noncePrefix: randomBytes(7), keyName: 'elsewhere' };
      writeFileSync(at('sealed'), sealContainer(plain, KEY, made));
      const job = decrypt('sealed', 'out');
      expect(await job.done).toMatchObject({ plaintextBytes: bytes, keyName: 'elsewhere' });
      expect(job.progress()).toEqual({ doneBytes: bytes, totalBytes: bytes });
      expect(readFileSync(at('out')).equals(plain)).toBe(true);
      expect(statSync(at('out')).mode & 0o777).toBe(0o600);
    },
  );

  test('tells a wrong key from a damaged chunk, and publishes nothing', async () => {
    writeFileSync(at('plain'), randomBytes(3 * CHUNK));
    await encrypt('plain', 'sealed').done;
    const wrong = await refusal(decrypt('sealed', 'out', randomBytes(32)).done);
    expect(wrong.code).toBe('wrong_key');
    const bytes = readFileSync(at('sealed'));
    bytes[4096 + CHUNK] = (bytes[4096 + CHUNK] ?? 0) ^ 1;
    writeFileSync(at('sealed'), bytes);
    const damaged = await refusal(decrypt('sealed', 'out').done);
    expect(damaged.code).toBe('chunk_damaged');
    expect(damaged.message).toContain('against damage in chunk 1, counted from 0');
    expect(readdirSync(folder).sort()).toEqual(['plain', 'sealed']);
  });

  test('is cancelled, and leaves nothing behind', async () => {
    writeFileSync(at('plain'), randomBytes(4 * CHUNK));
    await encrypt('plain', 'sealed').done;
    const job = decrypt('sealed', 'out');
    job.cancel();
    expect((await refusal(job.done)).code).toBe('cancelled');
    expect(readdirSync(folder).sort()).toEqual(['plain', 'sealed']);
  });
});

describe('inspect()', () => {
  test('says what a container says without its key', async () => {
    writeFileSync(at('plain'), 'text');
    await encrypt('plain', 'sealed', 'team-a').done;
    expect(await addon.inspect(at('sealed'))).toEqual({
      plaintextBytes: 4,
      containerBytes: 4096 + 4 + 16,
      keyName: 'team-a',
    });
    const error = await refusal(addon.inspect(at('plain')));
    expect(error.code).toBe('not_a_container');
    expect(error.message).toContain(`Cannot inspect "${at('plain')}"`);
    expect(() => addon.inspect(7 as never)).toThrow('Cannot inspect a container: expected its path');
  });
});

/** JavaScript that begins to encrypt a large sparse file and then does `ending`. */
function program(ending: string): string {
  const options = { input: at('large'), output: at('sealed'), keyName: '', threads: 2 };
  return `
    const addon = require(${JSON.stringify(builtBinary('hearth_crypt.node'))});
    require('node:fs').closeSync(require('node:fs').openSync(${JSON.stringify(at('large'))}, 'w'));
    require('node:fs').truncateSync(${JSON.stringify(at('large'))}, 2 ** 30);
    const job = addon.encrypt({ ...${JSON.stringify(options)}, key: Buffer.alloc(32, 1) });
    job.done.catch(() => {});
    const begun = setInterval(() => {
      if (job.progress().doneBytes === 0) return;
      clearInterval(begun);
      ${ending}
    }, 1);`;
}

describe('a job under way', () => {
  test('ends with process.exit() and leaves nothing behind', () => {
    const { status, stderr } = spawnSync(process.execPath, ['-e', program('process.exit(7)')], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(7);
    expect(readdirSync(folder)).toEqual(['large']);
  });

  test('ends with its worker and leaves nothing behind', async () => {
    const worker = new Worker(program("require('node:worker_threads').parentPort.postMessage('begun')"), {
      eval: true,
    });
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    expect(readdirSync(folder)).toEqual(['large']);
  });
});
