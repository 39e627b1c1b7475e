import type {
  CorrectionSum,
  Eviction,
  GroupedReport,
  GroupQuery,
  OwnStart,
  ReportFormat,
  ReportGroup,
  ReportRange,
} from '../../gateway/domain/reportFigures.ts';
import type { ReportReads } from '../../gateway/ports/reportReads.ts';
import { groupedText } from '../../gateway/reports/grouped.ts';

/** Answers with what the test has put there, and keeps what was asked. */
export class FakeReports implements ReportReads {
  readonly asked: (GroupQuery | ReportRange)[] = [];
  found: readonly ReportGroup[] | null = [];
  corrected: readonly CorrectionSum[] = [];
  gone: readonly Eviction[] = [];
  began: readonly OwnStart[] = [];
  tags = new Map<string, Record<string, string>>();

  async groups(query: GroupQuery): Promise<readonly ReportGroup[] | null> {
    this.asked.push(query);
    return this.found;
  }
  async text(report: GroupedReport, query: GroupQuery, format: ReportFormat): Promise<string | null> {
    const groups = await this.groups(query);
    return groups && groupedText(report, groups, query.groupBy, format);
  }
  async corrections(): Promise<readonly CorrectionSum[]> {
    return this.corrected;
  }
  async evictions(range: ReportRange): Promise<readonly Eviction[]> {
    this.asked.push(range);
    return this.gone;
  }
  async ownStarts(): Promise<readonly OwnStart[]> {
    return this.began;
  }
  async keyTags(): Promise<ReadonlyMap<string, Record<string, string>>> {
    return this.tags;
  }
  async rolledUpTo(): Promise<null> {
    return null;
  }
}
