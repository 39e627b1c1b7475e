import type { RecordedArrivals } from '../../gateway/domain/recordedArrivals.ts';
import type { Slo } from '../../gateway/domain/slo.ts';
import type { KeepWarmUseCase } from '../../gateway/http/deps.ts';
import type { CountedSlo, SloCountsReads, SloSpan } from '../../gateway/ports/sloCounts.ts';
import { ttlCurve } from '../../gateway/reports/replay/ttlCurve.ts';
import { SETTINGS } from '../pool/builders.ts';

/** Answers with what the test has put there, and keeps what was asked. */
export class FakeSloCounts implements SloCountsReads {
  objectives: readonly Slo[] = [];
  readonly asked: (readonly SloSpan[])[] = [];
  count: (slo: Slo, span: SloSpan) => CountedSlo['spans'][number] = () => ({
    good: 0,
    bad: 0,
    startGood: 0,
    startBad: 0,
  });

  async counts(slos: readonly Slo[], spans: readonly SloSpan[]): Promise<CountedSlo[]> {
    this.asked.push(spans);
    return slos.map((slo) => ({ isComplete: true, spans: spans.map((span) => this.count(slo, span)) }));
  }
}

/** Replays what the test recorded, on this thread. */
export class FakeKeepWarm implements KeepWarmUseCase {
  recorded: RecordedArrivals = {
    found: 0,
    combos: [],
    atEpochMs: new Float64Array(),
    combo: new Uint32Array(),
    durationMs: new Float64Array(),
  };
  async recordedTrace(): Promise<RecordedArrivals> {
    return this.recorded;
  }
  replay: KeepWarmUseCase['replay'] = async (trace, ttlsMs) => ({
    ok: true,
    value: ttlCurve({ trace, ttlsMs, settings: SETTINGS }),
  });
}
