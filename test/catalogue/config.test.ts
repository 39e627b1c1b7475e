import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT, readSettings } from '../../gateway/config.ts';
import {
  ensureAdminToken,
  ensureDataDir,
  ensureRunnerSecret,
  ensureRuntimeDir,
  runtimeDir,
} from '../../gateway/dataDir.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'hearth-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

async function settingsOf(environment: Record<string, string>, yaml = '') {
  const HEARTH_CONFIG = join(directory, 'hearth.yaml');
  await writeFile(HEARTH_CONFIG, yaml);
  return readSettings({ HEARTH_CONFIG, ...environment });
}

describe('readSettings()', () => {
  test('places nothing by NUMA node when the file says so', async () => {
    expect(await settingsOf({}, 'weights: { numa: false }')).toMatchObject({
      ok: true,
      value: { numa: false },
    });
  });

  test('has the documented defaults', async () => {
    const settings = await readSettings({});
    expect(settings).toMatchObject({
      ok: true,
      value: {
        configPath: join(PACKAGE_ROOT, 'demo/hearth.yaml'),
        host: '127.0.0.1',
        port: 8080,
        dataDir: join(process.cwd(), '.hearth'),
        adminToken: null,
        logLevel: 'info',
        numa: true,
      },
    });
    expect(settings.ok && settings.value.pool.cpuThreads).toBeGreaterThanOrEqual(1);
    expect(settings.ok && Object.isFrozen(settings.value)).toBe(true);
  });

  test('lets the environment win over the file, and the file over the defaults', async () => {
    const yaml =
      'server: { port: 9000, host: 0.0.0.0 }\npool: { lease: 10s, memory: 1GiB }\nlog: { level: warn }';
    expect(await settingsOf({}, yaml)).toMatchObject({
      value: { port: 9000, host: '0.0.0.0', logLevel: 'warn', pool: { leaseMs: 10_000, standbys: 1 } },
    });
    const environment = {
      HEARTH_PORT: '0',
      HEARTH_HOST: '::1',
      HEARTH_LEASE: '2s',
      HEARTH_STANDBYS: '3',
      HEARTH_UPLOAD: 'off',
      HEARTH_LOG_LEVEL: 'debug',
      HEARTH_DATA_DIR: '/var/lib/hearth',
      HEARTH_ADMIN_TOKEN: 'secret-token',
    };
    expect(await settingsOf(environment, yaml)).toMatchObject({
      value: {
        port: 0,
        host: '::1',
        logLevel: 'debug',
        dataDir: '/var/lib/hearth',
        adminToken: 'secret-token',
        pool: { leaseMs: 2000, standbys: 3, memoryBytes: 2 ** 30 },
        engine: { upload: 'off' },
      },
    });
  });

  test('reads the edge, its files relative to the configuration', async () => {
    expect(await settingsOf({})).toMatchObject({
      value: { edge: { tls: null, corsOrigins: [], trustedProxies: [], allowsAnonymous: false } },
    });
    const yaml = `server:
  tls: { cert: tls/cert.pem, key: /etc/key.pem }
  cors: ['https://chat.example.com']
  trusted_proxies: [10.0.0.0/8, '::1']
  allow_anonymous: true`;
    expect(await settingsOf({ HEARTH_ALLOW_ANONYMOUS: '0' }, yaml)).toMatchObject({
      value: {
        edge: {
          tls: { cert: join(directory, 'tls/cert.pem'), key: '/etc/key.pem' },
          corsOrigins: ['https://chat.example.com'],
          trustedProxies: ['10.0.0.0/8', '::1'],
          allowsAnonymous: false,
        },
      },
    });
    expect(await settingsOf({}, yaml)).toMatchObject({ value: { edge: { allowsAnonymous: true } } });
  });

  test.each([
    ["cors: ['https://chat.example.com/']", 'expected an origin such as "https://chat.example.com", or "*"'],
    ['trusted_proxies: [10.0.0.0/33]', 'expected a CIDR such as "10.0.0.0/8", or an address'],
    ['tls: { cert: a }', 'key'],
  ])('refuses server: { %s }', async (server, message) => {
    const settings = await settingsOf({}, `server: { ${server} }`);
    expect(!settings.ok && settings.error.message).toContain(message);
  });

  test('takes an empty value as absent', async () => {
    expect(await settingsOf({ HEARTH_PORT: '', HEARTH_ADMIN_TOKEN: '' })).toMatchObject({
      value: { port: 8080, adminToken: null },
    });
  });

  test.each([
    ['HEARTH_PORT', '99999', 'HEARTH_PORT: expected a port from 0 to 65535, got "99999"'],
    ['HEARTH_PORT', 'http', 'HEARTH_PORT: expected a port from 0 to 65535, got "http"'],
    ['HEARTH_STANDBYS', '65', 'HEARTH_STANDBYS: expected a number from 0 to 64, got "65"'],
    ['HEARTH_UPLOAD', 'fast', 'HEARTH_UPLOAD: expected "auto" or "off", got "fast"'],
    ['HEARTH_ALLOW_ANONYMOUS', 'yes', 'HEARTH_ALLOW_ANONYMOUS: expected "1" or "0", got "yes"'],
    ['HEARTH_LEASE', 'soon', 'HEARTH_LEASE: expected a duration such as "2s" or "30s", got "soon"'],
    ['HEARTH_LOG_LEVEL', 'loud', 'HEARTH_LOG_LEVEL: expected one of trace, debug'],
  ])('refuses %s=%s', async (name, value, message) => {
    const settings = await settingsOf({ [name]: value });
    expect(!settings.ok && settings.error.message).toContain(message);
  });

  test('never shows a refused admin token', async () => {
    const settings = await settingsOf({ HEARTH_ADMIN_TOKEN: 'tiny 1' });
    expect(!settings.ok && settings.error.message).toMatch(/HEARTH_ADMIN_TOKEN: expected/);
    expect(!settings.ok && settings.error.message).not.toContain('tiny 1');
  });
});

describe('ensureAdminToken()', () => {
  test('makes one token, keeps it with mode 0600 and gives it again, also to two at once', async () => {
    const dataDir = join(directory, 'fresh/data');
    const [one, two] = await Promise.all([ensureAdminToken(dataDir), ensureAdminToken(dataDir)]);
    expect(one).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(two).toBe(one);
    expect(await ensureAdminToken(dataDir)).toBe(one);
    expect(await modeOf(join(dataDir, 'admin-token'))).toBe(0o600);
    expect(await modeOf(dataDir)).toBe(0o700);
    expect((await readFile(join(dataDir, 'admin-token'), 'utf8')).trim()).toBe(one);
  });

  test('refuses a token file that is empty', async () => {
    const dataDir = join(directory, 'empty');
    await ensureDataDir(dataDir);
    await writeFile(join(dataDir, 'admin-token'), '');
    await expect(ensureAdminToken(dataDir)).rejects.toThrow('expected at least 8 characters, got 0');
  });
});

describe('ensureRunnerSecret()', () => {
  test('makes one of its own, keeps it with mode 0600 and gives it again', async () => {
    const dataDir = join(directory, 'secret');
    const secret = await ensureRunnerSecret(dataDir);
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(secret).not.toBe(await ensureAdminToken(dataDir));
    expect(await ensureRunnerSecret(dataDir)).toBe(secret);
    expect(await modeOf(join(dataDir, 'runner-secret'))).toBe(0o600);
  });
});

describe('ensureDataDir()', () => {
  test('names the path that cannot be made', async () => {
    await writeFile(join(directory, 'file'), '');
    const path = join(directory, 'file/data');
    await expect(ensureDataDir(path)).rejects.toThrow(`Cannot make data directory "${path}"`);
  });
});

describe('ensureRuntimeDir()', () => {
  test('is beside the data when socket paths stay short enough', async () => {
    const path = await ensureRuntimeDir(join(directory, 'short'));
    expect(path).toBe(join(directory, 'short/run'));
    expect(await modeOf(path)).toBe(0o700);
  });

  test('is a directory of its own, always the same, when they would not', async () => {
    const dataDir = join(directory, 'long'.repeat(30));
    const path = await ensureRuntimeDir(dataDir);
    try {
      expect(path.length).toBeLessThan(67);
      expect(runtimeDir(dataDir)).toBe(path);
      expect(runtimeDir(`${dataDir}x`)).not.toBe(path);
      expect(await modeOf(path)).toBe(0o700);
    } finally {
      await rm(path, { recursive: true });
    }
  });

  test('refuses a directory that others can enter, and a link', async () => {
    const open = join(directory, 'open');
    await chmod(await ensureRuntimeDir(open), 0o755);
    await expect(ensureRuntimeDir(open)).rejects.toThrow('with mode 0700');
    const linked = join(directory, 'linked');
    await ensureDataDir(linked);
    await symlink(directory, join(linked, 'run'));
    await expect(ensureRuntimeDir(linked)).rejects.toThrow('Cannot use runtime directory');
  });
});
