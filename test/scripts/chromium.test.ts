import { describe, expect, test } from 'vitest';
import { ensureChromium, findChromium } from '../../scripts/chromium.mjs';

describe('findChromium()', () => {
  test.each([
    [{ HEARTH_CHROMIUM: '/opt/chromium' }, ['/opt/chromium', '/usr/bin/chromium'], '/opt/chromium'],
    [{ HEARTH_CHROMIUM: '/opt/chromium' }, ['/usr/bin/chromium'], '/usr/bin/chromium'],
    [{}, ['/usr/bin/google-chrome'], '/usr/bin/google-chrome'],
    [{}, [], null],
  ] as [Record<string, string>, string[], string | null][])(
    'with %j finds of %j %s',
    (given, files, found) => {
      const exists = (path: unknown): boolean => files.includes(String(path));
      expect(findChromium({ environment: { ...given }, exists })).toBe(found);
    },
  );
});

describe('ensureChromium()', () => {
  const calls = { root: '/', log: () => {} };

  test('does nothing where there is one', async () => {
    await expect(ensureChromium({ ...calls, find: () => '/usr/bin/chromium' })).resolves.toBeUndefined();
  });

  test('says how to get one where it may not be installed', async () => {
    await expect(ensureChromium({ ...calls, find: () => null, isRoot: false })).rejects.toThrow(
      'install it ("apt-get install chromium") or name one in HEARTH_CHROMIUM',
    );
  });
});
