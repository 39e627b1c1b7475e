import { describe, expect, test } from 'vitest';
import { completeLock } from '../../scripts/lock.mjs';

const lock = {
  lockfileVersion: 3,
  packages: {
    '': { name: 'x' },
    'node_modules/tool': {
      version: '2.0.0',
      resolved: 'https://registry.example/tool.tgz',
      dev: true,
      optionalDependencies: {
        '@tool/linux-x64-musl': '2.0.0',
        '@tool/linux-x64': '2.0.0',
        fsevents: '~2.3.2',
      },
    },
    'node_modules/@tool/linux-x64': { version: '2.0.0', integrity: 'sha512-x', optional: true },
  },
};

describe('completeLock()', () => {
  test('writes an entry for a platform package that the registry did not serve', () => {
    expect(completeLock(lock).packages['node_modules/@tool/linux-x64-musl']).toEqual({
      version: '2.0.0',
      cpu: ['x64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    });
  });

  test('keeps what is there, drops addresses and does not change its argument', () => {
    const before = structuredClone(lock);
    const { packages } = completeLock(lock);
    expect(packages['node_modules/@tool/linux-x64']).toEqual(lock.packages['node_modules/@tool/linux-x64']);
    expect(JSON.stringify(packages)).not.toContain('registry.example');
    expect(lock).toEqual(before);
  });

  test('is idempotent', () => {
    const once = completeLock(lock);
    expect(JSON.stringify(completeLock(once))).toBe(JSON.stringify(once));
  });
});
