import { join } from 'node:path';
import type { Settings } from '../config.ts';

/** Of an environment what a child may see. */
export function pick(environment: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

/** What a runner may see of our environment. */
const RUNNER_ENVIRONMENT = [
  'PATH',
  'HOME',
  'LANG',
  'TZ',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'HEARTH_LLAMA_DIR',
  'HEARTH_LLAMA_OVERRIDES',
  // An operator's choice of huge pages for KV caches: docs/adr/0007.
  'GLIBC_TUNABLES',
];

export function runnerEnvironment(
  settings: Settings,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  return {
    ...pick(environment, RUNNER_ENVIRONMENT),
    HEARTH_UPLOAD: settings.engine.upload,
    HEARTH_UPLOAD_DIR: join(settings.dataDir, 'upload'),
  };
}
