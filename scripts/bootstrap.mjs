/** From a fresh clone to something that runs. Does nothing the second time. Node's built-ins alone until npm is done. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expectedError } from './command.mjs';
import { ensureDatabasePackage } from './database-package.mjs';
import { ensurePackages } from './packages.mjs';

export const ROOT = resolve(fileURLToPath(import.meta.url), '..', '..');

/** Progress goes to standard error: standard output belongs to the gateway. */
export function progress(line) {
  process.stderr.write(`hearth: ${line}\n`);
}

/** The packages alone, for scripts that run none of our code. */
export async function bootstrapPackages({ root = ROOT, log = progress } = {}) {
  await ensurePackages({ root, log });
}

/** The packages, and then side by side all that is built. Idempotent; throws one sentence. */
export async function bootstrap({ root = ROOT, log = progress } = {}) {
  await bootstrapPackages({ root, log });
  const { ensureNative } = await import('./native-build.mjs');
  const { ensureBundles } = await import('./bundles.mjs');
  await allOrFirstError([
    ensureDatabasePackage({ root, log }),
    ensureBundles({ root, log }),
    ensureNative({ root, log }).catch((error) => {
      throw expectedError(error.message, error);
    }),
  ]);
}

/** Waits for all, so that no half-made output is left by an exit, then throws the first error. */
async function allOrFirstError(promises) {
  const settled = await Promise.allSettled(promises);
  const failed = settled.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
