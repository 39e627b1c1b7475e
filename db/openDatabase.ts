import { join } from 'node:path';
import type { CatalogueStore } from '../gateway/ports/catalogueStore.ts';
import type { ComboStore } from '../gateway/ports/comboStore.ts';
import type { DemandHistory } from '../gateway/ports/demandHistory.ts';
import type { DurationHistory } from '../gateway/ports/durationHistory.ts';
import type { EventLog } from '../gateway/ports/eventLog.ts';
import type { KeepWarmReads } from '../gateway/ports/keepWarm.ts';
import type { KeyStore } from '../gateway/ports/keyStore.ts';
import type { Ledger } from '../gateway/ports/ledger.ts';
import type { LedgerRuns } from '../gateway/ports/ledgerRuns.ts';
import type { PinStore } from '../gateway/ports/pinStore.ts';
import type { PriceStore } from '../gateway/ports/priceStore.ts';
import type { ReportReads } from '../gateway/ports/reportReads.ts';
import type { RunnerStore } from '../gateway/ports/runnerStore.ts';
import type { SourceFactsStore } from '../gateway/ports/sourceFacts.ts';
import { AdmissionJournal } from './journal/admissionJournal.ts';
import { OpenAdmissions } from './journal/openAdmissions.ts';
import { ReaderClient } from './reader/client.ts';
import { SqliteCatalogueStore } from './stores/catalogue.ts';
import { SqliteComboStore } from './stores/combos.ts';
import { SqliteDemandHistory } from './stores/demand.ts';
import { SqliteDurationHistory } from './stores/durations.ts';
import { SqliteEventLog } from './stores/eventLog.ts';
import { SqliteKeepWarmReads } from './stores/keepWarm.ts';
import { SqliteKeyStore } from './stores/keys.ts';
import { SqliteLedger } from './stores/ledger.ts';
import { SqlitePinStore } from './stores/pins.ts';
import { SqlitePriceStore } from './stores/prices.ts';
import { SqliteReportReads } from './stores/reports.ts';
import { RequestReads } from './stores/requests.ts';
import { Retention } from './stores/retention.ts';
import { RollUps } from './stores/rollUps.ts';
import { SqliteRunnerStore } from './stores/runners.ts';
import { SqliteSloCounts } from './stores/sloCounts.ts';
import { SqliteSourceFactsStore } from './stores/sourceFacts.ts';
import { SpendFeed } from './stores/spendFeed.ts';
import { WriterClient, type WriterReport } from './writer/client.ts';
import type { WriterLimits } from './writer/pending.ts';

/** Of the thread of reports: who waits for an answer goes before who waits for a table. */
const REPORT_NICENESS = 10;

export interface DatabaseOptions {
  /** Absolute path of the database file; its directory must be there. */
  readonly path: string;
  readonly migrationsDir: string;
  /** Where dbWriter.mjs and dbReader.mjs are. */
  readonly workerDir: string;
  readonly limits?: WriterLimits;
}

export interface Database {
  readonly ledger: Ledger & LedgerRuns;
  readonly events: EventLog;
  readonly catalogue: CatalogueStore;
  readonly runners: RunnerStore;
  readonly combos: ComboStore;
  readonly demand: DemandHistory;
  readonly durations: DurationHistory;
  readonly keys: KeyStore;
  readonly pins: PinStore;
  readonly prices: PriceStore;
  readonly sourceFacts: SourceFactsStore;
  readonly requests: RequestReads;
  readonly reports: ReportReads;
  readonly rollUps: RollUps;
  readonly slos: SqliteSloCounts;
  readonly retention: Retention;
  readonly keepWarm: KeepWarmReads;
  /** Lines of the journal of admissions that the end of an earlier process or machine has spoilt. */
  readonly spoiltAdmissions: number;
  readonly spend: Pick<SpendFeed, 'listen'>;
  readonly writerReport: () => WriterReport;
  /** Resolves with the reason when a thread that requests need has ended without `close()`; never otherwise. */
  readonly failed: Promise<Error>;
  /** Puts everything on disk and ends the threads. Idempotent. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the database, makes or migrates it, and starts its three threads. Rejects with one sentence that names the
 * path when the directory is not writable, the file is no healthy database, or newer code has migrated it.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { path, migrationsDir, workerDir, limits } = options;
  const writer = new WriterClient(join(workerDir, 'dbWriter.mjs'), { path, migrationsDir }, limits);
  const reader = new ReaderClient(join(workerDir, 'dbReader.mjs'));
  // Reports take long; what a request or a start waits for does not wait for them.
  const reportReader = new ReaderClient(join(workerDir, 'dbReader.mjs'), { niceness: REPORT_NICENESS });
  const spend = new SpendFeed();
  const rollUps = new RollUps(reportReader, writer);
  const slos = new SqliteSloCounts(reportReader, writer);
  const retention = new Retention(reportReader, writer);
  let opened: OpenAdmissions | null = null;
  let spoiltAdmissions = 0;
  const close = async () => {
    const stopped = Promise.all([rollUps.stop(), slos.stop(), retention.stop()]);
    await opened?.close();
    await writer.close(Promise.all([reader.close(), reportReader.close()]));
    await stopped;
  };
  try {
    await writer.opened();
    opened = new OpenAdmissions(new AdmissionJournal(path), (command) => writer.write(command));
    spoiltAdmissions = await opened.recover();
    await Promise.all([reader.open(path), reportReader.open(path)]);
  } catch (error) {
    await close();
    throw error;
  }
  let closing = false;
  const failed = Promise.race([writer.ended, reader.ended]).then((reason) =>
    closing ? new Promise<Error>(() => {}) : reason,
  );
  return {
    ledger: new SqliteLedger(writer, reader, opened, spend),
    events: new SqliteEventLog(writer, reader),
    catalogue: new SqliteCatalogueStore(writer, reader),
    runners: new SqliteRunnerStore(writer, reader),
    combos: new SqliteComboStore(writer),
    demand: new SqliteDemandHistory(reader),
    durations: new SqliteDurationHistory(reader),
    keys: new SqliteKeyStore(writer, reader),
    pins: new SqlitePinStore(writer, reader),
    prices: new SqlitePriceStore(writer, reader),
    sourceFacts: new SqliteSourceFactsStore(writer, reader),
    requests: new RequestReads(reader, writer, spend),
    reports: new SqliteReportReads(reportReader),
    rollUps,
    slos,
    retention,
    keepWarm: new SqliteKeepWarmReads(reportReader),
    spoiltAdmissions,
    spend,
    writerReport: () => writer.report(),
    failed,
    close: () => {
      closing = true;
      return close();
    },
  };
}
