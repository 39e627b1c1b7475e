import { join } from 'node:path';
import type { Database } from '../../db/openDatabase.ts';
import { CatalogueService } from '../catalogue/catalogueService.ts';
import { ConverterThread } from '../catalogue/peft/converterThread.ts';
import { PeftAdapters } from '../catalogue/peft/peftAdapters.ts';
import { RemotePeft } from '../catalogue/peft/remotePeft.ts';
import type { SourceAccess } from '../catalogue/sourceAccess.ts';
import { SourcedFiles } from '../catalogue/sourcedFiles.ts';
import type { Settings } from '../config.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { OriginFetcher } from '../ports/originFetcher.ts';
import type { EventFeed } from '../shell/eventFeed.ts';
import type { ConfiguredKeys } from './encryption.ts';

/** What the catalogue is made of. */
interface CatalogueParts {
  /** The bundles' folder. */
  readonly distDir: string;
  readonly sources: SourceAccess;
  readonly keys: ConfiguredKeys;
  readonly events: EventFeed;
  readonly fetcher: OriginFetcher;
  readonly clock: Clock;
}

/** The catalogue of the configuration and of the admin API, with its adapters converted. Throws one sentence on failure. */
export async function openCatalogue(
  settings: Pick<Settings, 'dataDir' | 'configPath'>,
  database: Pick<Database, 'sourceFacts' | 'catalogue'>,
  { distDir, sources, keys, events, fetcher, clock }: CatalogueParts,
  log: Log,
): Promise<CatalogueService> {
  const files = await SourcedFiles.open({ access: sources, sealed: keys, store: database.sourceFacts, log });
  const thread = new ConverterThread(join(distDir, 'peftConverter.mjs'));
  const remote = new RemotePeft({ access: sources, fetcher, sealed: keys });
  const converter = new PeftAdapters(join(settings.dataDir, 'adapters'), thread, files, keys, remote);
  const opened = await CatalogueService.open({
    configPath: settings.configPath,
    files,
    converter,
    sources,
    store: database.catalogue,
    events,
    log,
    clock,
  });
  if (!opened.ok) throw new Error(opened.error.message);
  const used = new Set([...opened.value.current().adapters.values()].map(({ path }) => path));
  await converter.removeUnused(used).catch((error: Error) => {
    log.warn({ error: error.message }, 'unused converted adapters were not removed');
  });
  return opened.value;
}
