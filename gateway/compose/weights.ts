import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { credentialsOf } from '../../sources/openOrigin.ts';
import type { CatalogueService } from '../catalogue/catalogueService.ts';
import { OriginCopies } from '../catalogue/origins/originCopies.ts';
import type { SourceAccess } from '../catalogue/sourceAccess.ts';
import type { Settings, StoreSettings } from '../config.ts';
import type { Catalogue } from '../domain/catalogue.ts';
import { bookOf, isStageable, type Stageable } from '../pool/segments.ts';
import type { Log } from '../ports/log.ts';
import type { OriginFiles } from '../ports/originFiles.ts';
import { ChildFetcher } from '../shell/fetcher/childFetcher.ts';
import type { PoolLoop } from '../shell/poolLoop.ts';
import { StagerStore } from '../shell/stager/stagerStore.ts';
import type { ConfiguredKeys } from './encryption.ts';
import { pick } from './environment.ts';

/** Magic number of tmpfs (man 2 statfs). */
const TMPFS = 0x01021994;
/** A gateway does not wait longer than this to hear what an earlier one has left in the store. */
const LOOK_MS = 3_000;

/** What a fetcher may see of our environment: whom it trusts is the operator's to say, secrets come by its pipe. */
const FETCHER_ENVIRONMENT = [
  ...['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'],
  ...['NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
];
const FETCHER_SILENCE_MS = 20_000;
const FETCHER_IDLE_MS = 30_000;

/** What a stager may see of our environment. */
const STAGER_ENVIRONMENT = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'LD_LIBRARY_PATH'] as const;

/** Where child processes come from. */
export interface ChildPlace {
  /** The bundles' folder. */
  readonly distDir: string;
  readonly runDir: string;
  /** All of ours; of it each child gets what it may have. */
  readonly environment: NodeJS.ProcessEnv;
}

/** The weight store where it is wanted and can be had; null, with the reason in the log, otherwise. */
export function openWeightStore(
  settings: StoreSettings | null,
  { distDir, runDir, environment }: ChildPlace,
  { keys, origins }: { readonly keys: ConfiguredKeys; readonly origins: OriginFiles },
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
  const allowed = pick(environment, STAGER_ENVIRONMENT);
  const stager = { entry, runDir, environment: allowed, memory, disk, prefetchBytesPerSecond };
  return new StagerStore(stager, { sealed: keys.forStore(root), origins }, log);
}

/** Where weights behind URIs come to lie on this machine, without versions that nobody has any more. */
export async function openOrigins(
  { dataDir, store }: Pick<Settings, 'dataDir' | 'store'>,
  { distDir, runDir, environment }: ChildPlace,
  { sources, catalogue }: { readonly sources: SourceAccess; readonly catalogue: CatalogueService },
  log: Log,
): Promise<OriginCopies> {
  const fetcher = new ChildFetcher({
    settings: {
      entry: join(distDir, 'fetcher.mjs'),
      runDir,
      environment: pick(environment, FETCHER_ENVIRONMENT),
      prefetchBytesPerSecond: store?.prefetchBytesPerSecond ?? null,
      silenceMs: FETCHER_SILENCE_MS,
    },
    credentials: async (source) => credentialsOf(source, await sources.credentials()),
    idleMs: FETCHER_IDLE_MS,
    log,
  });
  const copies = new OriginCopies({
    directory: join(dataDir, 'weights'),
    fetcher,
    maxBytes: store?.disk?.budgets.bases ?? null,
    changed: (source) => catalogue.sourceChanged(source),
  });
  const { models, adapters } = catalogue.current();
  const entries = [...models.values(), ...adapters.values()];
  // Of one that is not known now the version is not, either.
  if (entries.some(({ unavailable }) => unavailable !== undefined)) return copies;
  const used = new Set(entries.flatMap(({ segment }) => segment ?? []));
  await copies.removeUnused(used).catch((error: Error) => {
    log.warn({ error: error.message }, 'unused downloads were not removed');
  });
  return copies;
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
