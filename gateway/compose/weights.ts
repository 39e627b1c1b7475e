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
import type { NumaPlaces } from '../shell/processes/numaPlaces.ts';
import { StagerStore } from '../shell/stager/stagerStore.ts';
import type { ConfiguredKeys } from './encryption.ts';
import { pick } from './environment.ts';
import { prepareStoreFolder, type StoreFolder } from './storeFolder.ts';

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
  /** Of the gateway: a store that finds no shared memory is there. */
  readonly dataDir: string;
  /** All of ours; of it each child gets what it may have. */
  readonly environment: NodeJS.ProcessEnv;
}

/** The weight store where it is wanted and can be had; null, with the reason in the log, otherwise. */
export async function openWeightStore(
  settings: StoreSettings | null,
  { distDir, runDir, dataDir, environment, places }: ChildPlace & { readonly places: NumaPlaces },
  { keys, origins }: { readonly keys: ConfiguredKeys; readonly origins: OriginFiles },
  log: Log,
): Promise<StagerStore | null> {
  if (!settings) return null;
  const { disk, prefetchBytesPerSecond, collapses } = settings;
  let memory: StoreFolder;
  try {
    memory = await prepareStoreFolder(settings, dataDir, log);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn(
      { root: settings.root, error: reason },
      'there is no weight store: every start reads its source',
    );
    return null;
  }
  const entry = join(distDir, 'stager.mjs');
  const allowed = pick(environment, STAGER_ENVIRONMENT);
  const child = { entry, runDir, environment: allowed };
  const stager = { ...child, memory, disk, prefetchBytesPerSecond, collapses, places };
  return new StagerStore(stager, { sealed: keys.forStore(memory.root), origins }, log);
}

/** Downloads in a process of its own, which is started for the first of them. */
export function newFetcher(
  { store }: Pick<Settings, 'store'>,
  { distDir, runDir, environment }: ChildPlace,
  sources: SourceAccess,
  log: Log,
): ChildFetcher {
  return new ChildFetcher({
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
}

/** Where weights behind URIs come to lie on this machine, without versions that nobody has any more. */
export async function openOrigins(
  { store, dataDir }: Pick<Settings, 'store' | 'dataDir'>,
  { fetcher, catalogue }: { readonly fetcher: ChildFetcher; readonly catalogue: CatalogueService },
  log: Log,
): Promise<OriginCopies> {
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
