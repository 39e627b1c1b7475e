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
} from '../domain/reportFigures.ts';

/** Reads of the books that look at many requests. None of them on the event loop, nor in the way of other reads. */
export interface ReportReads {
  /** In no order. A request is among them as soon as it is on disk. null: more than MOST_GROUPS. */
  groups(query: GroupQuery): Promise<readonly ReportGroup[] | null>;
  /** The groups as rows of a report, as the body of its answer. null: more than MOST_GROUPS. */
  text(report: GroupedReport, query: GroupQuery, format: ReportFormat): Promise<string | null>;
  corrections(range: ReportRange): Promise<readonly CorrectionSum[]>;
  /** The oldest first. */
  evictions(range: ReportRange): Promise<readonly Eviction[]>;
  /** The oldest first. */
  ownStarts(range: ReportRange): Promise<readonly OwnStart[]>;
  /** Tags by key, deleted ones too. */
  keyTags(): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
  /** null: nothing is rolled up yet. What retention removes must lie before it, but for the row itself. */
  rolledUpTo(): Promise<RolledUpTo | null>;
}
