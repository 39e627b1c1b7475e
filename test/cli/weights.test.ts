import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { program } from '../../cli/program.mjs';
import { CommandFailure } from '../../cli/weights/commandFailure.ts';
import * as weights from '../../cli/weights/main.ts';
import { formatBytes, progressText } from '../../cli/weights/progressLine.ts';
import { openContainer } from '../fixtures/container-by-document.mjs';

const ROOT = resolve(import.meta.dirname, '../..');
const HEARTH = join(ROOT, 'cli/hearth.mjs');
const BY_DOCUMENT = join(ROOT, 'test/fixtures/container-by-document.mjs');
const CHUNK = 4 * 2 ** 20;
const KEY = randomBytes(32);
const HEX = KEY.toString('hex');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hearth-weights-'));
  write('key', `${HEX}\n`);
  chmodSync(at('key'), 0o600);
  write(
    'hearth.yaml',
    'encryption_keys: { main: { file: key }, env: { env: TEST_KEY }, echo: { command: [sh, calls] } }',
  );
  write('calls', `echo called >>calls.log; cat key`);
});
afterEach(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);
const write = (name: string, content: string | Uint8Array) => writeFileSync(at(name), content);
const environment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HEARTH_CONFIG: at('hearth.yaml'),
  TEST_KEY: KEY.toString('base64'),
});

/** What the command says must not hold the key. */
function withoutKey<Said extends { stdout: string; stderr: string }>(said: Said): Said {
  for (const form of [HEX, KEY.toString('base64'), KEY.toString('latin1')])
    expect(`${said.stdout}${said.stderr}`).not.toContain(form);
  return said;
}

/** Runs the command in the folder, in a process of its own. */
function hearthProcess(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [HEARTH, ...args], {
    cwd: folder,
    env: environment(),
    encoding: 'utf8',
  });
  return withoutKey({ status, stdout, stderr });
}

/** The same in this process, by the command's own parser. Paths that begin with "./" are in the folder. */
async function hearth(...args: string[]) {
  const inFolder = args.map((arg) => (arg.startsWith('./') ? at(arg.slice(2)) : arg));
  const printed: string[] = [];
  const print = (text: string) => void printed.push(text);
  const commands = program({ print, environment: environment(), weightTools: async () => weights });
  try {
    await commands.parseAsync(inFolder, { from: 'user' });
    return withoutKey({ status: 0, stdout: printed.join('\n'), stderr: '' });
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    return withoutKey({ status: error.exitCode, stdout: printed.join('\n'), stderr: error.message });
  }
}

describe('hearth encrypt', () => {
  test('makes a container that the document alone opens, and decrypt finds its key by the name in it', () => {
    const plain = randomBytes(CHUNK + 5);
    write('plain', plain);
    const made = hearthProcess('encrypt', 'plain', 'sealed', '--key', 'main');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(made.stdout).toMatch(/^encrypted "plain" to "sealed": 4\.2 MB in \d+\.\d s, \d/);
    expect(openContainer(readFileSync(at('sealed')), KEY).equals(plain)).toBe(true);
    const script = spawnSync(process.execPath, [BY_DOCUMENT, at('key')], {
      input: readFileSync(at('sealed')),
      maxBuffer: 2 * CHUNK,
    });
    expect(script.stdout.equals(plain)).toBe(true);
    expect(hearthProcess('decrypt', 'sealed', 'again')).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(at('again')).equals(plain)).toBe(true);
    expect(statSync(at('again')).mode & 0o777).toBe(0o600);
  });

  test('takes keys from the environment and from a key file', async () => {
    write('plain', 'text');
    expect((await hearth('encrypt', './plain', './one', '--key', 'env')).status).toBe(0);
    expect(
      (await hearth('encrypt', './plain', './two', '--key-file', at('key'), '--threads', '3')).status,
    ).toBe(0);
    for (const name of ['one', 'two'])
      expect(openContainer(readFileSync(at(name)), KEY).toString()).toBe('text');
    expect(await hearth('decrypt', './two', './out')).toEqual({
      status: 1,
      stdout: '',
      stderr: `Cannot decrypt "${at('two')}": it names no key, expected --key or --key-file against neither`,
    });
    expect((await hearth('decrypt', './two', './out', '--key', 'env')).status).toBe(0);
  });

  test('refuses what it cannot do, with exit code 1 and one sentence', async () => {
    write('plain', 'text');
    write('open', HEX);
    chmodSync(at('open'), 0o644);
    const refusals: [string[], string][] = [
      [['./plain', './out'], 'Cannot choose a key: expected --key or --key-file against neither'],
      [['./missing', './out', '--key', 'main'], 'missing": there is no such file or folder'],
      [['./plain', './plain', '--key', 'main'], 'plain" against a file or folder'],
      [['./plain', './out', '--key', 'other'], 'Cannot use encryption key "other": expected one of "main"'],
      [['./plain', './out', '--key-file', './open'], 'expected a mode that gives others nothing'],
      [['./plain', './out', '--key', 'main', '--threads', '0'], 'expected a whole number from 1 to 64'],
      [['./plain', './out', '--key', 'main', '--threads', 'two'], 'expected a whole number from 1 to 64'],
      [['./plain', './no/out', '--key', 'main'], 'no": No such file or directory'],
    ];
    for (const [args, message] of refusals) {
      const { status, stdout, stderr } = await hearth('encrypt', ...args);
      expect(stderr).toContain(message);
      expect(stderr.split('\n')).toHaveLength(1);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    }
    write('hearth.yaml', 'encryption_keys: { main: { file: missing } }');
    expect((await hearth('encrypt', './plain', './out', '--key', 'main')).stderr).toContain('no such file');
    write('hearth.yaml', `encryption_keys: { main: "${HEX}" }`);
    expect((await hearth('encrypt', './plain', './out', '--key', 'main')).stderr).toContain('got a string');
    expect(existsSync(at('out'))).toBe(false);
  });

  test('that is interrupted ends with the code of the signal and leaves nothing behind', async () => {
    write('large', '');
    truncateSync(at('large'), 8 * 2 ** 30);
    const args = ['encrypt', 'large', 'out', '--key', 'main', '--threads', '1'];
    const child = spawn(process.execPath, [HEARTH, ...args], { cwd: folder, env: environment() });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = new Promise<number | null>((settle) => child.on('close', settle));
    const hasBegun = () => readdirSync(folder).some((name) => name.endsWith('.partial'));
    await expect.poll(hasBegun, { timeout: 20_000 }).toBe(true);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(said).toBe('hearth: Cannot go on: SIGINT came, nothing is left behind\n');
    expect(readdirSync(folder).sort()).toEqual(['calls', 'hearth.yaml', 'key', 'large']);
  });
});

describe('hearth decrypt', () => {
  test('refuses a container with exit code 2', async () => {
    write('plain', randomBytes(100));
    expect((await hearth('encrypt', './plain', './sealed', '--key', 'main')).status).toBe(0);
    expect((await hearth('keygen', './other')).status).toBe(0);
    const bytes = readFileSync(at('sealed'));
    write('long', Buffer.concat([bytes, Buffer.alloc(1)]));
    write('short', bytes.subarray(0, -1));
    write('flipped', flipped(bytes, 4100));
    for (const [name, key, message] of [
      ['sealed', 'other', 'sealed": wrong key, expected the one that it was encrypted with'],
      ['long', 'key', 'expected 4212 bytes against 4213'],
      ['short', 'key', 'expected 4212 bytes against 4211'],
      ['flipped', 'key', 'against damage in chunk 0, counted from 0'],
      ['plain', 'key', 'expected "HEARTHW1" at its beginning against other bytes'],
    ] as const) {
      const { status, stderr } = await hearth('decrypt', `./${name}`, './out', '--key-file', `./${key}`);
      expect(stderr).toContain(message);
      expect(status).toBe(2);
    }
    expect(hearthProcess('decrypt', 'short', 'out')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'hearth: Cannot inspect "short": expected 4212 bytes against 4211\n',
    });
    expect(existsSync(at('out'))).toBe(false);
  });
});

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
  return changed;
}

describe('hearth encrypt and decrypt of a folder', () => {
  beforeEach(() => {
    mkdirSync(at('model/sub'), { recursive: true });
    write('model/config.json', '{}');
    write('blob', randomBytes(1000));
    symlinkSync('../../blob', at('model/sub/weights.safetensors'));
    write('model/empty', '');
  });

  test('keep its tree, follow links to files, and ask for the key once', async () => {
    const made = await hearth('encrypt', './model', './sealed', '--key', 'echo');
    expect(made.stdout).toMatch(/\(3 files\): 1\.0 kB in /);
    expect(readFileSync(at('calls.log'), 'utf8')).toBe('called\n');
    expect(readdirSync(at('sealed'), { recursive: true }).sort()).toEqual([
      'config.json.hearth',
      'empty.hearth',
      'sub',
      'sub/weights.safetensors.hearth',
    ]);
    expect((await hearth('decrypt', './sealed', './again')).status).toBe(0);
    expect(readdirSync(at('again'), { recursive: true }).sort()).toEqual([
      'config.json',
      'empty',
      'sub',
      'sub/weights.safetensors',
    ]);
    expect(readFileSync(at('again/sub/weights.safetensors')).equals(readFileSync(at('blob')))).toBe(true);
    expect(statSync(at('again')).mode & 0o777).toBe(0o700);
  });

  test('leave nothing behind when one file is refused', async () => {
    expect((await hearth('encrypt', './model', './sealed', '--key', 'main')).status).toBe(0);
    const name = 'sealed/sub/weights.safetensors.hearth';
    write(name, flipped(readFileSync(at(name)), 4096));
    const before = readdirSync(folder);
    const { status, stderr } = await hearth('decrypt', './sealed', './again');
    expect(stderr).toContain(`Cannot decrypt "${at(name)}"`);
    expect(status).toBe(2);
    expect(readdirSync(folder)).toEqual(before);
  });

  test('refuse what is no file, what is no container by its name, and a folder without files', async () => {
    mkdirSync(at('bare'));
    const bare = await hearth('encrypt', './bare', './out', '--key', 'main');
    expect(bare.stderr).toContain('expected files in it against none');
    const plain = await hearth('decrypt', './model', './out');
    expect(plain.stderr).toContain('expected names that end with ".hearth" against "config.json"');
    const nowhere = await hearth('encrypt', './model', './no/out', '--key', 'main');
    expect(nowhere).toMatchObject({ status: 1, stderr: expect.stringContaining('ENOENT') });
    symlinkSync('..', at('model/up'));
    expect(await hearth('encrypt', './model', './out', '--key', 'main')).toMatchObject({
      status: 1,
      stderr: `Cannot use "${at('model/up')}": expected a file against something else`,
    });
    expect(existsSync(at('out'))).toBe(false);
  });
});

describe('hearth keygen', () => {
  test('makes a file for its owner alone, another one each time, or prints it', async () => {
    for (const name of ['one', 'two']) {
      expect((await hearth('keygen', `./${name}`)).stdout).toContain(`made key file "${at(name)}"`);
      expect(statSync(at(name)).mode & 0o777).toBe(0o600);
      expect(readFileSync(at(name), 'utf8')).toMatch(/^[0-9a-f]{64}\n$/);
    }
    expect(readFileSync(at('one'), 'utf8')).not.toBe(readFileSync(at('two'), 'utf8'));
    expect((await hearth('keygen', '-')).stdout).toMatch(/^[0-9a-f]{64}$/);
  });

  test('replaces nothing', async () => {
    expect(await hearth('keygen', './key')).toMatchObject({
      status: 1,
      stderr: `Cannot write key file "${at('key')}": expected nothing there against a file`,
    });
    expect((await hearth('keygen', './no/key')).stderr).toContain('the system says ENOENT');
    expect(readFileSync(at('key'), 'utf8')).toBe(`${HEX}\n`);
  });
});

describe('the progress line', () => {
  test('is drawn on a terminal and erased, and nowhere else', async () => {
    write('plain', randomBytes(1000));
    const encrypt = async (output: string, terminal: { isTTY?: boolean; columns?: number }) => {
      const written: string[] = [];
      const write = (text: string) => void written.push(text);
      const surroundings = { environment: environment(), terminal: { ...terminal, write } };
      await weights.runConvert('encrypt', at('plain'), at(output), { key: 'main' }, surroundings);
      return written;
    };
    expect(await encrypt('one', {})).toEqual([]);
    const drawn = await encrypt('two', { isTTY: true, columns: 0 });
    expect(drawn[0]).toMatch(/^\r\x1b\[Kplain {2}\S+ k?B of \S+ k?B {2}\d+%/);
    expect(drawn.at(-1)).toBe('\r\x1b[K');
    expect((await encrypt('three', { isTTY: true, columns: 10 }))[0]).toHaveLength('\r\x1b[K'.length + 9);
  });

  test('says how far it is, how fast, and how long it takes', () => {
    expect(progressText('a.gguf', 0, 4e9, 0)).toBe('a.gguf  0 B of 4.0 GB  0%');
    expect(progressText('a.gguf', 1e9, 4e9, 2)).toBe('a.gguf  1.0 GB of 4.0 GB  25%  500 MB/s  6 s left');
    expect(progressText('a.gguf', 0, 0, 1)).toBe('a.gguf  0 B of 0 B  100%');
    expect([999, 1000, 99_949, 99_950, 999_499, 999_500, 5e15].map(formatBytes)).toEqual([
      '999 B',
      '1.0 kB',
      '99.9 kB',
      '100 kB',
      '999 kB',
      '1.0 MB',
      '5000 TB',
    ]);
  });
});
