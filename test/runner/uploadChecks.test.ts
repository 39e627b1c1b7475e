import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { UploadReport } from '../../native/addonTypes.ts';
import { buildIdentity } from '../../runner/upload/buildIdentity.ts';
import { UploadChecks } from '../../runner/upload/uploadChecks.ts';

let root: string;
let libraryDir: string;
let directory: string;
let warnings: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hearth-checks-'));
  libraryDir = join(root, 'libraries');
  directory = join(root, 'data', 'upload');
  warnings = [];
  mkdirSync(libraryDir);
  for (const name of ['libggml-base.so', 'libggml-cuda.so', 'libllama.v1.so', 'libggml-cpu-zen4.so'])
    writeFileSync(join(libraryDir, name), `code of ${name}`);
  writeFileSync(join(root, 'overrides.node'), 'ours');
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

const parts = (devices: string[] = ['GPU']) => ({
  libraryDir,
  overridesPath: join(root, 'overrides.node'),
  devices,
});

/** As a new runner makes it. */
const checks = (devices?: string[]) =>
  new UploadChecks({ ...parts(devices), directory, warn: (text) => void warnings.push(text) });

function report(more: Partial<UploadReport>): UploadReport {
  const sizes = { tensors: 1, bytes: 1, plainBytes: 0, lanes: 1, ringBytes: 1 };
  const times = { openMs: 0, copyMs: 0, drainMs: 0, checkMs: 0 };
  return { ...sizes, ...times, checked: true, differing: 0, ...more };
}

/** A runner loads once and finds this; the mode it did it in. */
async function loadOnce(found: UploadReport | null): Promise<string> {
  const runner = checks();
  const mode = (await runner.plan()).mode;
  runner.settle(found);
  return mode;
}

function verdicts(): unknown[] {
  return readdirSync(directory)
    .filter((name) => !name.startsWith('library-'))
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')));
}

describe('UploadChecks', () => {
  test('plan() is checked until a load has passed, then trusted', async () => {
    expect(await checks().isWanted()).toBe(true);
    expect(await loadOnce(report({}))).toBe('checked');
    expect(verdicts()).toMatchObject([{ format: 1, verdict: 'passed', devices: ['GPU'], libraryDir }]);
    expect(await loadOnce(report({ checked: false }))).toBe('trusted');
    expect((await checks().plan()).mode).toBe('trusted');
    expect(warnings).toEqual([]);
  });

  test('plan() is plain for good once a load differed, and it is said once', async () => {
    expect(await loadOnce(report({ differing: 2 }))).toBe('checked');
    expect(await loadOnce(report({ checked: false }))).toBe('plain');
    expect(await checks().isWanted()).toBe(false);
    expect(verdicts()).toMatchObject([{ verdict: 'failed' }]);
    expect(warnings).toEqual([
      'Cannot use the threaded upload on "GPU": expected 0 pieces that differ from the file, read back 2, the model was loaded again without it',
    ]);
  });

  test('plan() is plain after three loads of which nothing was heard again', async () => {
    for (let load = 0; load < 3; load += 1) expect((await checks().plan()).mode).toBe('checked');
    expect(await checks().plan()).toEqual({
      mode: 'plain',
      reason: '3 checked loads of this build ended without a verdict',
    });
    expect(verdicts()).toMatchObject([{ verdict: 'trying', tries: 3 }]);
  });

  test('settle() of a load that failed, or that read nothing back, counts for nothing', async () => {
    for (let load = 0; load < 4; load += 1) {
      expect(await loadOnce(null)).toBe('checked');
      expect(await loadOnce(report({ checked: false }))).toBe('checked');
    }
    expect(verdicts()).toMatchObject([{ verdict: 'trying', tries: 0 }]);
  });

  test('settle() keeps a bad verdict that another runner came to meanwhile', async () => {
    const slow = checks();
    expect((await slow.plan()).mode).toBe('checked');
    expect(await loadOnce(report({ differing: 1 }))).toBe('checked');
    slow.settle(report({}));
    expect(verdicts()).toMatchObject([{ verdict: 'failed' }]);
  });

  test('settle() without a checked load writes nothing', () => {
    checks().settle(report({}));
    expect(() => readdirSync(directory)).toThrow('ENOENT');
  });

  test('plan() takes a verdict that it cannot read for none', async () => {
    await loadOnce(report({ differing: 1 }));
    const name = readdirSync(directory).find((each) => !each.startsWith('library-')) ?? '';
    writeFileSync(join(directory, name), '{"format":1,"verdict":"per');
    expect((await checks().plan()).mode).toBe('checked');
  });

  test('plan() is plain where no verdict can be kept or no library be read, and that is said', async () => {
    mkdirSync(join(root, 'data'));
    writeFileSync(directory, 'a file');
    const reason = 'this build has no identity that a verdict could be kept by';
    expect(await checks().plan()).toEqual({ mode: 'plain', reason });
    rmSync(libraryDir, { recursive: true });
    expect((await checks().plan()).mode).toBe('plain');
    expect(warnings).toHaveLength(2);
    for (const warning of warnings)
      expect(warning).toContain(`Cannot check the threaded upload in "${directory}"`);
  });
});

describe('buildIdentity()', () => {
  test('is another one for other libraries, overrides or devices, not for CPU variants or the time of a copy', async () => {
    const identity = await buildIdentity(parts(), directory);
    expect(await buildIdentity(parts(), directory)).toBe(identity);
    expect(await buildIdentity(parts(['GPU', 'GPU']), directory)).not.toBe(identity);

    writeFileSync(join(libraryDir, 'libggml-cpu-zen4.so'), 'another variant');
    utimesSync(join(libraryDir, 'libggml-base.so'), 1, 1);
    expect(await buildIdentity(parts(), directory)).toBe(identity);

    for (const path of [join(libraryDir, 'libggml-cuda.so'), parts().overridesPath]) {
      const before = readFileSync(path, 'utf8');
      writeFileSync(path, `${before}, changed`);
      expect(await buildIdentity(parts(), directory)).not.toBe(identity);
      writeFileSync(path, before);
    }
    expect(await buildIdentity(parts(), directory)).toBe(identity);
  });
});
