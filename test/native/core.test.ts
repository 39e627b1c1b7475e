import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('native/core passes its C++ tests under AddressSanitizer and UBSan', { timeout: 300_000 }, () => {
  const script = join(import.meta.dirname, '..', '..', 'scripts', 'native-test.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  expect(`${stdout}${stderr}`).not.toContain('FAILED');
  expect(status).toBe(0);
});
