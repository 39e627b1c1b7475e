import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type PhaseInterval,
  type PhaseRecord,
  partitionWait,
  splitWait,
} from '../../gateway/domain/phases.ts';
import { parseTraceparent } from '../../gateway/domain/trace.ts';
import { RequestTimes } from '../../gateway/shell/requestTimes.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

/** Intervals of a start: they follow one another, with gaps. */
const intervals = fc
  .array(
    fc.record({
      phase: fc.constantFrom<PhaseInterval['phase'][]>('spawn', 'stage', 'load', 'attach', 'context'),
      gapMs: fc.integer({ min: 0, max: 50 }),
      tookMs: fc.integer({ min: 0, max: 50 }),
    }),
    { maxLength: 8 },
  )
  .map((steps): PhaseInterval[] => {
    let atMs = 0;
    return steps.map(({ phase, gapMs, tookMs }) => {
      const startMonoMs = atMs + gapMs;
      atMs = startMonoMs + tookMs;
      return { phase, startMonoMs, endMonoMs: atMs };
    });
  });

function addUp(spans: readonly { phase: keyof PhaseRecord; startMs: number; endMs: number }[]): PhaseRecord {
  const record: PhaseRecord = {};
  for (const { phase, startMs, endMs } of spans) record[phase] = (record[phase] ?? 0) + endMs - startMs;
  return record;
}

describe('splitWait()', () => {
  test('has pieces without gaps that add up to what partitionWait() says', () => {
    const moment = fc.integer({ min: 0, max: 300 });
    fc.assert(
      fc.property(intervals, moment, moment, (all, one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)];
        const spans = splitWait(from, to, all);
        expect(addUp(spans)).toEqual(partitionWait(from, to, all));
        let reached = 0;
        for (const { startMs, endMs } of spans) {
          expect(startMs).toBe(reached);
          reached = endMs;
        }
        expect(reached).toBe(to - from);
      }),
    );
  });
});

describe('RequestTimes', () => {
  test('spans() adds up to phases(), with a wait inside the runner', () => {
    const times = new RequestTimes(100);
    times.waited([{ phase: 'load', startMonoMs: 110, endMonoMs: 140 }], null);
    times.granted(150);
    times.firstToken(190);
    const used = { promptTokens: 5, completionTokens: 7, cachedTokens: 0, finishReason: 'stop' };
    times.reported({ ...used, queueMs: 8, prefillMs: 30, decodeMs: 20 }, 220);
    expect(addUp(times.spans(220))).toEqual(times.phases(220));
    expect(times.spans(220).map(({ phase }) => phase)).toEqual([
      'queue',
      'load',
      'queue',
      'queue',
      'prefill',
      'decode',
    ]);
  });
});

describe('RequestTimes.downloads()', () => {
  test('counts from the arrival, and from before it where the download was under way', () => {
    const times = new RequestTimes(100);
    times.waited([], null, [
      { startMonoMs: 90, endMonoMs: 120 },
      { startMonoMs: 130, endMonoMs: 131 },
    ]);
    expect(times.downloads()).toEqual([
      { startMs: -10, endMs: 20 },
      { startMs: 30, endMs: 31 },
    ]);
  });
});

describe('parseTraceparent()', () => {
  test('reads the ids and whether the client samples', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`, 'vendor=1')).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      isSampled: true,
      traceparent: `00-${TRACE}-${SPAN}-01`,
      tracestate: 'vendor=1',
    });
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-02`, undefined)).toMatchObject({ isSampled: false });
  });

  test('takes a later version by the fields that it knows', () => {
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-01-more`, undefined)?.traceparent).toBe(
      `00-${TRACE}-${SPAN}-01`,
    );
  });

  test.each([
    ['nothing', undefined],
    ['another text', 'abc'],
    ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more than version 00 has', `00-${TRACE}-${SPAN}-01-more`],
  ])('does not take %s', (_what, header) => {
    expect(parseTraceparent(header, undefined)).toBeNull();
  });

  test('drops a tracestate that is too long or no text', () => {
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`, 'x'.repeat(513))?.tracestate).toBeNull();
    expect(parseTraceparent(`00-${TRACE}-${SPAN}-01`, 'a\u0000')?.tracestate).toBeNull();
  });
});
