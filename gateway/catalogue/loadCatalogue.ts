import type { Catalogue } from '../domain/catalogue.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { AdapterConverter } from '../ports/adapterConverter.ts';
import type { CatalogueStore } from '../ports/catalogueStore.ts';
import type { Clock } from '../ports/clock.ts';
import type { ModelFiles } from '../ports/modelFile.ts';
import { type ConfigDocument, readConfigFile } from './configFile.ts';
import { type EntryContext, locate } from './entries.ts';
import { fileCatalogue } from './fileCatalogue.ts';
import { LookAhead } from './lookAhead.ts';
import { type LeftOut, mergeCatalogue } from './mergeCatalogue.ts';
import type { SourceAccess } from './sourceAccess.ts';

/** What the catalogue is loaded from. */
export interface LoadDeps {
  /** The YAML file; read again on every reload. */
  readonly configPath: string;
  readonly files: ModelFiles;
  readonly converter: AdapterConverter;
  /** What remote files are asked for with; each load of the file puts its section there. */
  readonly sources: SourceAccess;
  readonly store: CatalogueStore;
  readonly clock: Clock;
}

/** What a load of the catalogue finds. */
export interface Loaded {
  readonly document: ConfigDocument;
  readonly catalogue: Catalogue;
  readonly leftOut: readonly LeftOut[];
  readonly unsettled: ReadonlyMap<string, string>;
}

/** Reads the file and the store. The file's section of sources counts from then on, when that can be used. */
export async function loadCatalogue(deps: LoadDeps): Promise<Result<Loaded>> {
  const read = await readConfigFile(deps.configPath);
  if (!read.ok) return read;
  const { config, directory } = read.value;
  const problems = await deps.sources.problems(config.sources, directory);
  if (problems.length > 0) return fail('invalid_request', read.value.explain(problems));
  deps.sources.use(config.sources, directory);
  return loadEntries(deps, read.value);
}

/** Looks at the entries of a file that was read, and at those of the store. */
export async function loadEntries(deps: LoadDeps, document: ConfigDocument): Promise<Result<Loaded>> {
  const { config, directory } = document;
  const stored = await deps.store.load();
  const files = new LookAhead(deps.files);
  const entries = [...config.models, ...config.adapters, ...stored.models, ...stored.adapters];
  await files.ahead(entries.map(({ path }) => locate(directory, path)));
  const looking = { files, converter: deps.converter };
  const unsettled = new Map<string, string>();
  const fromFile = await fileCatalogue(document, looking, deps.clock.epochMs(), unsettled);
  if (!fromFile.ok) return fromFile;
  const context: EntryContext = {
    ...looking,
    defaults: config.defaults,
    directory,
    source: 'api',
    unsettled,
  };
  const merged = await mergeCatalogue(fromFile.value, stored, context);
  return ok({ document, ...merged, unsettled });
}

/** What differs when a source is back or has something else. */
export function entriesOf({ models, adapters, aliases, scaling }: Catalogue): string {
  // That it is down differs, not in which words.
  const reduce = (key: string, value: unknown): unknown =>
    key === 'unavailable' ? value !== undefined : value;
  const entries = [models, adapters, aliases, scaling].map((one) => [...one.values()]);
  return JSON.stringify(entries, reduce);
}

/** What of a file a running gateway does not take up. */
export function processSections({ config: { pool, limits, log, server } }: ConfigDocument): string {
  return JSON.stringify({ pool, limits, log, server });
}
