/** The browser of the browser tests: what is there, else Debian's Chromium, installed by apt where that may be done. */
import { existsSync } from 'node:fs';
import { expectedError, runCommand } from './command.mjs';

const USUAL = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const APT_GET = '/usr/bin/apt-get';

/** Path of a Chromium; null: none is there. HEARTH_CHROMIUM names one elsewhere. */
export function findChromium({ environment = process.env, exists = existsSync } = {}) {
  return [environment.HEARTH_CHROMIUM, ...USUAL].find((path) => path && exists(path)) ?? null;
}

/** Throws one sentence when there is none and none can be installed. */
export async function ensureChromium({ root, log, find = findChromium, isRoot = process.getuid?.() === 0 }) {
  if (find() !== null) return;
  if (!isRoot || !existsSync(APT_GET)) {
    throw expectedError(
      'Cannot test in a browser: Chromium is missing; install it ("apt-get install chromium") or name one in HEARTH_CHROMIUM',
    );
  }
  log('installing Chromium for the browser tests…');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', 'chromium']]) {
    const { code, output } = await runCommand(APT_GET, ['--quiet=2', ...args], { cwd: root, env });
    if (code !== 0) {
      throw expectedError(`Cannot install Chromium for the browser tests: ${lastLineOf(output)}`);
    }
  }
}

function lastLineOf(text) {
  return text.trim().split('\n').at(-1) ?? '';
}
