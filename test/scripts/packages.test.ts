import { describe, expect, test } from 'vitest';
import { databaseStamp } from '../../scripts/database-package.mjs';
import { installMatchesLock, toolProblem } from '../../scripts/packages.mjs';

describe('toolProblem()', () => {
  test('is null when every tool is there', () => {
    expect(toolProblem(() => true)).toBeNull();
  });

  test('names every missing tool in one sentence', () => {
    const problem = toolProblem((command: string) => command !== 'g++' && command !== 'python3');
    expect(problem).toBe(
      'Cannot build Hearth: "python3", "g++" not found on the PATH, install Python 3 (node-gyp needs it), a C++20 compiler',
    );
  });
});

describe('installMatchesLock()', () => {
  const lock = {
    packages: {
      '': {},
      'node_modules/a': { version: '1.0.0' },
      'node_modules/a-darwin': { version: '1.0.0', optional: true },
    },
  };

  test('takes an install without the packages of other platforms', () => {
    expect(installMatchesLock(lock, { packages: { 'node_modules/a': { version: '1.0.0' } } })).toBe(true);
  });

  test('refuses another version and a missing package', () => {
    expect(installMatchesLock(lock, { packages: { 'node_modules/a': { version: '1.0.1' } } })).toBe(false);
    expect(installMatchesLock(lock, { packages: {} })).toBe(false);
  });
});

describe('databaseStamp()', () => {
  test('changes with the version and with the ABI of Node', () => {
    expect(databaseStamp('12.9.0', '115')).toBe(databaseStamp('12.9.0', '115'));
    expect(databaseStamp('12.9.0', '127')).not.toBe(databaseStamp('12.9.0', '115'));
    expect(databaseStamp('12.9.1', '115')).not.toBe(databaseStamp('12.9.0', '115'));
  });
});
