import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreSettings } from '../config.ts';
import type { Catalogue } from '../domain/catalogue.ts';
import { bookOf, isStageable, type Stageable } from '../pool/segments.ts';
import type { Log } from '../ports/log.ts';
import type { PoolLoop } from '../shell/poolLoop.ts';
import { StagerStore } from '../shell/stager/stagerStore.ts';
import type { ConfiguredKeys } from './encryption.ts';

/** Magic number of tmpfs (man 2 statfs). */
const TMPFS = 0x01021994;
/** A gateway does not wait longer than this to hear what an earlier one has left in the store. */
const LOOK_MS = 3_000;

/** What a stager may see of our environment. */
export const STAGER_ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'] as const;

export interface StagerPlace {
  /** The bundle's folder. */
  readonly distDir: string;
  readonly runDir: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** The weight store where it is wanted and can be had; null, with the reason in the log, otherwise. */
export function openWeightStore(
  settings: StoreSettings | null,
  { distDir, runDir, environment }: StagerPlace,
  keys: ConfiguredKeys,
  log: Log,
): StagerStore | null {
  if (!settings) return null;
  const { root, budgets, disk, prefetchBytesPerSecond } = settings;
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    if (statfsSync(root).type !== TMPFS)
      log.warn(
        { root },
        'the weight store is not on a tmpfs: what is staged there is read from a disk again',
      );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ root, error: reason }, 'there is no weight store: every start reads its source');
    return null;
  }
  const memory = { root, budgets };
  const entry = join(distDir, 'stager.mjs');
  const stager = { entry, runDir, environment, memory, disk, prefetchBytesPerSecond };
  return new StagerStore(stager, keys.forStore(root), log);
}

/** Tells the pool which files of the catalogue are in the store already. */
export async function findSegments(
  store: StagerStore | null,
  pool: PoolLoop,
  catalogue: Catalogue,
  log: Log,
): Promise<void> {
  if (!store) return;
  const entries = [...catalogue.models.values(), ...catalogue.adapters.values()].filter(isStageable);
  const unknown = entries.filter(({ segment }) => !pool.state.store?.segments.has(segment));
  if (unknown.length === 0) return;
  const sources = unknown.map((entry: Stageable) => ({ key: entry.segment, book: bookOf(entry) }));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer after ${LOOK_MS} ms`)), LOOK_MS);
  });
  try {
    const segments = await Promise.race([store.find(sources), late]);
    if (segments.length > 0) pool.dispatch({ type: 'segmentsFound', segments });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ error: reason }, 'what is in the weight store is not known yet');
  } finally {
    clearTimeout(timer);
  }
}
