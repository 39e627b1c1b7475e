import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test.each([
  ['passes its C++ tests under AddressSanitizer and UBSan', []],
  ['hands over between threads without a race that ThreadSanitizer sees', ['--crews']],
])('native/core %s', { timeout: 300_000 }, (_, options) => {
  const script = join(import.meta.dirname, '..', '..', 'scripts', 'native-test.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...options], { encoding: 'utf8' });
  expect(`${stdout}${stderr}`).not.toContain('FAILED');
  expect(status).toBe(0);
});
