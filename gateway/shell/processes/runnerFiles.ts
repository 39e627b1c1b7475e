import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** What a runner has in the runtime directory. */
export function runnerFiles(runDir: string, runnerId: string): { socketPath: string; logPath: string } {
  return { socketPath: join(runDir, `${runnerId}.sock`), logPath: join(runDir, `${runnerId}.log`) };
}

/** Removes what runners left there that are not among `living`. */
export function removeLeftFiles(runDir: string, living: ReadonlySet<string>): void {
  for (const name of readdirSync(runDir)) {
    const id = /^(r_.*)\.(sock|log)$/.exec(name)?.[1];
    if (id !== undefined && !living.has(id)) rmSync(join(runDir, name), { force: true });
  }
}
