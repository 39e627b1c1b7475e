/**
 * Whether a load may use the threaded upload (docs/adr/0013). The first loads of each build are read back; the verdict is
 * kept in a file that all runners of a data directory share.
 */
import { join } from 'node:path';
import * as z from 'zod';
import type { UploadMode, UploadReport } from '../../native/addonTypes.ts';
import { type BuildParts, buildIdentity } from './buildIdentity.ts';
import { readJson, writeWhole } from './wholeFile.ts';

/** Checked loads that may end without a verdict, because the process died: after them the upload is under suspicion. */
const MAX_TRIES = 3;

const recordSchema = z.object({
  format: z.literal(1),
  /** `trying`: so many checked loads have begun and none has ended with a verdict. */
  verdict: z.enum(['trying', 'passed', 'failed']),
  tries: z.int().nonnegative(),
  libraryDir: z.string(),
  devices: z.array(z.string()),
});
type CheckRecord = z.infer<typeof recordSchema>;
type Known = Pick<CheckRecord, 'verdict' | 'tries'>;

/** How a load is to bring weights to a device; `plain` for a reason. */
export type UploadPlan =
  | { readonly mode: Exclude<UploadMode, 'plain'> }
  | { readonly mode: 'plain'; readonly reason: string };

/** How loads are to be done, and what is learnt from them. */
export interface UploadPolicy {
  /** Will the next load onto a device use it? Never rejects. */
  isWanted(): Promise<boolean>;
  /** For the next load onto a device, which begins now. Never rejects. */
  plan(): Promise<UploadPlan>;
  /** What a load in mode `checked` found; null: it failed for a reason of its own. */
  settle(report: UploadReport | null): void;
}

/** For runners without a device, an upload that is turned off, or no directory to keep a verdict in. */
export function noUpload(reason: string): UploadPolicy {
  return {
    isWanted: () => Promise.resolve(false),
    plan: () => Promise.resolve({ mode: 'plain', reason }),
    settle: () => {},
  };
}

export interface UploadChecksOptions extends BuildParts {
  /** Where verdicts are kept. */
  directory: string;
  /** Gets one sentence when the upload turns out not to work here. */
  warn: (text: string) => void;
}

export class UploadChecks implements UploadPolicy {
  readonly #options: UploadChecksOptions;
  /** The verdict's file; null when the directory or the libraries cannot be read. */
  readonly #path: Promise<string | null>;
  #settlePath: string | null = null;

  constructor(options: UploadChecksOptions) {
    this.#options = options;
    this.#path = this.#find();
  }

  async isWanted(): Promise<boolean> {
    const path = await this.#path;
    return path !== null && planOf(this.#read(path)).mode !== 'plain';
  }

  async plan(): Promise<UploadPlan> {
    const path = await this.#path;
    if (path === null) return plainly('this build has no identity that a verdict could be kept by');
    const known = this.#read(path);
    const plan = planOf(known);
    if (plan.mode !== 'checked') return plan;
    // Before the load: if the process dies of it, this stays.
    if (!this.#write(path, { verdict: 'trying', tries: known.tries + 1 }))
      return plainly('the verdict on this build cannot be kept');
    this.#settlePath = path;
    return plan;
  }

  settle(report: UploadReport | null): void {
    const path = this.#settlePath;
    this.#settlePath = null;
    if (path === null) return;
    const { verdict, tries } = this.#read(path);
    // Another runner's verdict is as good; a bad one stays.
    if (verdict !== 'trying') return;
    if (report === null || !report.checked) {
      this.#write(path, { verdict, tries: Math.max(0, tries - 1) });
      return;
    }
    const passed = report.differing === 0;
    this.#write(path, { verdict: passed ? 'passed' : 'failed', tries });
    if (!passed) {
      this.#options.warn(
        `Cannot use the threaded upload on "${this.#options.devices.join(', ')}": expected 0 pieces that differ from the file, read back ${report.differing}, the model was loaded again without it`,
      );
    }
  }

  async #find(): Promise<string | null> {
    const { directory } = this.#options;
    try {
      return join(directory, `${await buildIdentity(this.#options, directory)}.json`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.warn(`Cannot check the threaded upload in "${directory}": ${reason}`);
      return null;
    }
  }

  #read(path: string): Known {
    const parsed = recordSchema.safeParse(readJson(path));
    return parsed.success ? parsed.data : { verdict: 'trying', tries: 0 };
  }

  #write(path: string, what: Known): boolean {
    const { libraryDir, devices } = this.#options;
    const record: CheckRecord = { format: 1, ...what, libraryDir, devices: [...devices] };
    try {
      writeWhole(path, record);
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.warn(`Cannot keep the upload's verdict in "${path}": ${reason}`);
      return false;
    }
  }
}

function planOf({ verdict, tries }: Known): UploadPlan {
  if (verdict === 'passed') return { mode: 'trusted' };
  if (verdict === 'failed') return plainly('an earlier check of this build failed');
  return tries >= MAX_TRIES
    ? plainly(`${tries} checked loads of this build ended without a verdict`)
    : { mode: 'checked' };
}

function plainly(reason: string): UploadPlan {
  return { mode: 'plain', reason };
}
