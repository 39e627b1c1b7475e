import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installMatchesLock, installStamp, toolProblem } from '../../scripts/packages.mjs';

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

describe('installStamp()', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'hearth-stamp-'));
    writeFileSync(join(root, 'package-lock.json'), '{}');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test('changes with the lock and with the ABI of Node, and with nothing else', () => {
    const first = installStamp(root, '115');
    expect(installStamp(root, '115')).toBe(first);
    expect(installStamp(root, '127')).not.toBe(first);
    writeFileSync(join(root, 'package-lock.json'), '{ }');
    expect(installStamp(root, '115')).not.toBe(first);
  });
});
