import type {
  CorrectionSum,
  Eviction,
  GroupedReport,
  GroupQuery,
  OwnStart,
  ReportFormat,
  ReportGroup,
  ReportRange,
  RolledUpTo,
} from '../../gateway/domain/reportFigures.ts';
import type { ReportReads } from '../../gateway/ports/reportReads.ts';
import type { ReaderClient } from '../reader/client.ts';

/** Reports out of roll-ups and rows, in a reader thread of their own: other reads are short, and do not wait for them. */
export class SqliteReportReads implements ReportReads {
  readonly #reader: ReaderClient;

  constructor(reader: ReaderClient) {
    this.#reader = reader;
  }

  groups(query: GroupQuery): Promise<readonly ReportGroup[] | null> {
    return this.#reader.read('reportGroups', query);
  }

  text(report: GroupedReport, query: GroupQuery, format: ReportFormat): Promise<string | null> {
    return this.#reader.read('reportText', { report, query, format });
  }

  corrections(range: ReportRange): Promise<readonly CorrectionSum[]> {
    return this.#reader.read('reportCorrections', range);
  }

  evictions(range: ReportRange): Promise<readonly Eviction[]> {
    return this.#reader.read('reportEvictions', range);
  }

  ownStarts(range: ReportRange): Promise<readonly OwnStart[]> {
    return this.#reader.read('reportOwnStarts', range);
  }

  keyTags(): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
    return this.#reader.read('keyTags', {});
  }

  rolledUpTo(): Promise<RolledUpTo | null> {
    return this.#reader.read('rolledUpTo', {});
  }
}
