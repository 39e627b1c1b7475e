import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { KeySource } from '../../gateway/domain/keySource.ts';
import { problemOfKeyFile } from '../../gateway/encryption/keyFile.ts';
import { keyOfFile, resolveKey } from '../../gateway/encryption/resolveKey.ts';
import { parseWeightKey, WeightKey } from '../../gateway/encryption/weightKey.ts';

const KEY = randomBytes(32);
const HEX = KEY.toString('hex');
const BASE64 = KEY.toString('base64');

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hearth-keys-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function keyFile(content: string | Uint8Array, mode = 0o600): string {
  writeFileSync(join(directory, 'key'), content);
  chmodSync(join(directory, 'key'), mode);
  return join(directory, 'key');
}

const hexOf = (key: WeightKey | null): string | undefined =>
  key?.use((bytes) => Buffer.from(bytes).toString('hex'));

async function outcome(source: KeySource, environment: Record<string, string> = {}) {
  const withPath = { PATH: process.env['PATH'], ...environment };
  const result = await resolveKey('main', { main: source }, { environment: withPath, directory });
  return result.ok ? { key: hexOf(result.value) } : { ...result.error };
}

const command = (...argv: [string, ...string[]]): KeySource => ({
  kind: 'command',
  command: argv,
  timeoutMs: 20_000,
  passEnv: [],
});

describe('parseWeightKey()', () => {
  test('reads bytes, hexadecimal digits and base64, with white space around text', () => {
    const urlBase64 = KEY.toString('base64url');
    for (const form of [HEX, HEX.toUpperCase(), `\n ${HEX}\r\n`, BASE64, `${BASE64}\n`, urlBase64])
      expect(hexOf(parseWeightKey(Buffer.from(form)))).toBe(HEX);
    expect(hexOf(parseWeightKey(KEY))).toBe(HEX);
  });

  test('refuses every other length and alphabet', () => {
    const forms = [
      '',
      HEX.slice(1),
      `${HEX}0`,
      `${HEX.slice(1)}g`,
      BASE64.slice(2),
      `${BASE64}=`,
      `${HEX}\n${HEX}`,
    ];
    for (const form of forms) expect(parseWeightKey(Buffer.from(form))).toBeNull();
    for (const length of [0, 16, 31, 33, 48]) expect(parseWeightKey(Buffer.alloc(length, 200))).toBeNull();
  });

  test('reads any key back from each of its forms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const hex = Buffer.from(bytes).toString('hex');
        expect(hexOf(parseWeightKey(bytes))).toBe(hex);
        expect(hexOf(parseWeightKey(Buffer.from(hex)))).toBe(hex);
        expect(hexOf(parseWeightKey(Buffer.from(Buffer.from(bytes).toString('base64'))))).toBe(hex);
      }),
    );
  });
});

describe('WeightKey', () => {
  test('is shown by nothing that shows objects', () => {
    const key = new WeightKey(KEY);
    for (const text of [
      inspect(key),
      inspect({ key }, { showHidden: true }),
      JSON.stringify({ key }),
      String(key),
    ])
      expect(text).not.toMatch(
        new RegExp(`${HEX}|${KEY[0]},\\s*${KEY[1]},|${HEX.slice(0, 2)} ${HEX.slice(2, 4)}`),
      );
    expect(inspect(key)).toBe('[key]');
    expect(JSON.stringify({ key })).toBe('{"key":"[key]"}');
  });

  test('has a copy of its bytes, and zeros when it was wiped', () => {
    const given = Buffer.from(KEY);
    const key = new WeightKey(given);
    given.fill(0);
    expect(hexOf(key)).toBe(HEX);
    key.wipe();
    expect(hexOf(key)).toBe('0'.repeat(64));
    expect(() => new WeightKey(new Uint8Array(31))).toThrow('expected a key of 32 bytes against 31');
  });
});

describe('resolveKey() from a file', () => {
  test('reads it, by a path relative to the configuration and through a link', async () => {
    keyFile(`${HEX}\n`, 0o400);
    expect(await outcome({ kind: 'file', path: 'key' })).toEqual({ key: HEX });
    symlinkSync('key', join(directory, 'link'));
    expect(await outcome({ kind: 'file', path: join(directory, 'link') })).toEqual({ key: HEX });
  });

  test.each([0o604, 0o640, 0o602, 0o601, 0o666])('refuses one of mode %o', async (mode) => {
    const path = keyFile(HEX, mode);
    expect(await outcome({ kind: 'file', path })).toEqual({
      code: 'key_exposed',
      message: `Cannot use key file "${path}": expected a mode that gives others nothing, such as 0600, against 0${mode.toString(8)}`,
    });
  });

  test('refuses one that belongs to another user, but not one of root', () => {
    const ownedBy = (uid: number) => problemOfKeyFile({ isFile: () => true, uid, mode: 0o100600 }, 1000);
    expect(ownedBy(1000)).toBeNull();
    expect(ownedBy(0)).toBeNull();
    expect(ownedBy(1001)).toEqual({
      code: 'key_exposed',
      words: 'expected user 1000 or root as its owner against 1001',
    });
  });

  test('says what is wrong with it', async () => {
    const missing = { kind: 'file', path: join(directory, 'missing') } as const;
    expect(await outcome(missing)).toEqual({
      code: 'key_unavailable',
      message: `Cannot read key file "${missing.path}": there is no such file`,
    });
    expect(await outcome({ kind: 'file', path: directory })).toMatchObject({
      code: 'key_unavailable',
      message: expect.stringContaining('expected a regular file'),
    });
    const path = keyFile(`${HEX}ab`);
    expect(await outcome({ kind: 'file', path })).toEqual({
      code: 'key_malformed',
      message: `Cannot use encryption key "main" of file "${path}": expected 32 bytes, 64 hexadecimal digits or base64 of 32 bytes against 66 bytes`,
    });
    keyFile(Buffer.alloc(1_000_000, 'a'));
    expect(await outcome({ kind: 'file', path })).toMatchObject({ code: 'key_malformed' });
  });

  test('is what keyOfFile() does for a file of the command line', async () => {
    const good = await keyOfFile(keyFile(KEY));
    expect(good.ok && hexOf(good.value)).toBe(HEX);
    const path = keyFile('short');
    expect(await keyOfFile(path)).toMatchObject({
      error: { code: 'key_malformed', message: expect.stringContaining(`Cannot use key file "${path}"`) },
    });
    expect(await keyOfFile(keyFile(KEY, 0o644))).toMatchObject({ error: { code: 'key_exposed' } });
  });
});

describe('resolveKey() from an environment variable', () => {
  test('reads it, and says when it is not set', async () => {
    const source = { kind: 'env', variable: 'MAIN_KEY' } as const;
    expect(await outcome(source, { MAIN_KEY: BASE64 })).toEqual({ key: HEX });
    for (const environment of [{}, { MAIN_KEY: '' }]) {
      expect(await outcome(source, environment)).toEqual({
        code: 'key_unavailable',
        message: 'Cannot read environment variable "MAIN_KEY": it is not set',
      });
    }
  });
});

describe('resolveKey() from a command', () => {
  test('reads what it prints, bytes or text', async () => {
    expect(await outcome(command('echo', HEX))).toEqual({ key: HEX });
    keyFile(KEY);
    expect(await outcome(command('cat', 'key'))).toEqual({ key: HEX });
  });

  test('runs it without a shell, with the environment that it is given and no more', async () => {
    const print = command('sh', '-c', 'env | cut -d= -f1 | sort | tr "\\n" " " >seen; echo "$0"', HEX);
    const environment = { SECRET: 'no', TOKEN: 'yes', HOME: '/' };
    const result = await outcome({ ...print, passEnv: ['TOKEN', 'UNSET'] } as KeySource, environment);
    expect(result).toEqual({ key: HEX });
    const seen = readFileSync(join(directory, 'seen'), 'utf8').trim().split(' ');
    // What a shell adds by itself.
    expect(seen.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name))).toEqual([
      'HOME',
      'PATH',
      'TOKEN',
    ]);
    expect(await outcome(command('echo', '$(cat key)'))).toMatchObject({ code: 'key_malformed' });
  });

  test('says how it ended, but nothing that it was given or said', async () => {
    const failing = command('sh', '-c', `echo ${HEX}; echo ${BASE64} >&2; exit 3`);
    expect(await outcome(failing)).toEqual({
      code: 'key_unavailable',
      message: 'Cannot run key command "sh": expected exit status 0 against 3',
    });
    expect(await outcome(command('sh', '-c', 'kill -9 $$'))).toMatchObject({
      message: 'Cannot run key command "sh": expected exit status 0 against SIGKILL',
    });
    expect(await outcome(command('hearth-no-such-program'))).toEqual({
      code: 'key_unavailable',
      message: 'Cannot run key command "hearth-no-such-program": there is no such program',
    });
    expect(await outcome(command('echo', 'short'))).toMatchObject({
      code: 'key_malformed',
      message: expect.stringContaining('encryption key "main" of command "echo"'),
    });
  });

  test('ends one that takes too long, and all that it started', async () => {
    const script = 'sleep 600 & echo $! >child; echo $$ >parent; wait';
    const slow = { ...command('sh', '-c', script), timeoutMs: 1500 } as KeySource;
    expect(await outcome(slow)).toEqual({
      code: 'key_unavailable',
      message: 'Cannot run key command "sh": not done after 1500 ms',
    });
    for (const name of ['child', 'parent']) {
      const pid = Number(readFileSync(join(directory, name), 'utf8'));
      await expect.poll(() => isRunning(pid)).toBe(false);
    }
  });

  test('ends one that does not listen to SIGTERM', async () => {
    const deaf = { ...command('sh', '-c', 'trap "" TERM; while :; do sleep 1; done'), timeoutMs: 200 };
    expect(await outcome(deaf as KeySource)).toMatchObject({
      message: expect.stringContaining('not done after'),
    });
  });

  test('ends one that prints without end', async () => {
    expect(await outcome(command('yes'))).toMatchObject({
      code: 'key_unavailable',
      message: 'Cannot run key command "yes": expected at most 4096 bytes against more',
    });
  });
});

/** A zombie that nobody has waited for yet is none. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

describe('resolveKey()', () => {
  test('names the keys that there are when the name is not one of them', async () => {
    const sources = { a: { kind: 'env', variable: 'A' }, b: { kind: 'env', variable: 'B' } } as const;
    for (const name of ['main', 'toString', '__proto__']) {
      expect(await resolveKey(name, sources, { environment: {}, directory })).toMatchObject({
        error: {
          code: 'key_not_configured',
          message: `Cannot use encryption key "${name}": expected one of "a", "b"`,
        },
      });
    }
    expect(await resolveKey('main', {}, { environment: {}, directory })).toMatchObject({
      error: { message: expect.stringContaining('expected a configuration with encryption_keys') },
    });
  });

  test('never shows what it read, however it fails', async () => {
    const almost = `${HEX}\n${BASE64}`;
    const path = keyFile(almost);
    const failures = [
      await outcome({ kind: 'file', path }),
      await outcome({ kind: 'file', path: keyFile(almost, 0o644) }),
      await outcome({ kind: 'env', variable: 'MAIN_KEY' }, { MAIN_KEY: almost }),
      await outcome(command('echo', almost)),
      await outcome(command('sh', '-c', `echo '${almost}'; exit 1`)),
    ];
    for (const failure of failures) {
      expect(failure).toHaveProperty('code');
      expect(JSON.stringify(failure)).not.toContain(HEX);
      expect(JSON.stringify(failure)).not.toContain(BASE64);
    }
  });
});
