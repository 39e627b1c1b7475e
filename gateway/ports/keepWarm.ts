import type { RecordedArrivals } from '../domain/recordedArrivals.ts';
import type { ReportRange } from '../domain/reportFigures.ts';

export interface KeepWarmReads {
  /** At most the last `most` requests. */
  recordedTrace(range: ReportRange & { readonly most: number }): Promise<RecordedArrivals>;
}
