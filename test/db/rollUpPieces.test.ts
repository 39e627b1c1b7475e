import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketOf, GRAIN_MS, piecesOf, startOf } from '../../db/rollups/grains.ts';
import { NOON } from './reportTraffic.ts';

const { minute: MINUTE, hour: HOUR, day: DAY } = GRAIN_MS;

describe('piecesOf()', () => {
  test('counts every moment of a range once and no other, by whole buckets that are kept', () => {
    const time = fc.integer({ min: 0, max: 200 * DAY });
    const times = fc.tuple(time, time, time, time, time, time);
    const coarsest = fc.constantFrom('hour', 'day', 'week');
    fc.assert(
      fc.property(
        times,
        coarsest,
        fc.boolean(),
        ([from, to, minutes, hours, quarter, week], by, canSubtract) => {
          const kept = {
            minutesFromEpochMs: minutes,
            hoursFromEpochMs: hours,
            sumsToEpochMs: { quarter, week },
          };
          const pieces = piecesOf(from, to, kept, by, canSubtract);
          const changes = new Map([
            [from, -1],
            [to, 1],
          ]);
          if (from >= to) changes.clear();
          for (const { of, fromEpochMs, toEpochMs, sign } of pieces) {
            expect(toEpochMs).toBeGreaterThan(fromEpochMs);
            if (!canSubtract) expect(sign).toBe(1);
            changes.set(fromEpochMs, (changes.get(fromEpochMs) ?? 0) + sign);
            changes.set(toEpochMs, (changes.get(toEpochMs) ?? 0) - sign);
            if (of === 'rows') continue;
            const start = (at: number) =>
              of === 'quarter' || of === 'week' ? startOf(at, of) : bucketOf(at, of);
            expect([start(fromEpochMs), start(toEpochMs)]).toEqual([fromEpochMs, toEpochMs]);
            if (of === 'quarter' || of === 'week')
              expect(toEpochMs).toBeLessThanOrEqual({ quarter, week }[of]);
            if (of === 'quarter' || of === 'hour') expect(fromEpochMs).toBeGreaterThanOrEqual(hours);
            if (of === 'minute') expect(fromEpochMs).toBeGreaterThanOrEqual(minutes);
          }
          expect([...changes.values()].filter((change) => change !== 0)).toEqual([]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('goes through the buckets of the coarsest grain in their order', () => {
    const time = fc.integer({ min: 0, max: 20 * DAY });
    fc.assert(
      fc.property(time, time, time, fc.constantFrom('hour', 'day'), (from, to, minutes, by) => {
        const kept = {
          minutesFromEpochMs: minutes,
          hoursFromEpochMs: 0,
          sumsToEpochMs: { quarter: 9 * DAY, week: 0 },
        };
        const buckets = piecesOf(from, to, kept, by, true).map(({ fromEpochMs }) =>
          bucketOf(fromEpochMs, by),
        );
        expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
      }),
    );
  });

  test('reads at most half a minute of rows at each end of a month whose minutes are kept', () => {
    const kept = {
      minutesFromEpochMs: 0,
      hoursFromEpochMs: 0,
      sumsToEpochMs: { quarter: NOON + 10 * DAY, week: NOON + 27 * DAY },
    };
    const pieces = (canSubtract: boolean) =>
      piecesOf(NOON + 90_001, NOON + 30 * DAY + 61_000, kept, 'week', canSubtract).map(
        ({ of, fromEpochMs, toEpochMs, sign }) => [of, (toEpochMs - fromEpochMs) * sign],
      );
    expect(pieces(true)).toEqual([
      // A week without what is before 12:01:30.001 on its second day.
      ['week', 7 * DAY],
      ['day', -DAY],
      ['day', -DAY],
      ['quarter', 6 * HOUR],
      ['minute', -MINUTE],
      ['minute', -MINUTE],
      ['rows', 29_999],
      ['quarter', 6 * HOUR],
      ['week', 21 * DAY],
      ['day', 3 * DAY],
      // A day without what is after 12:01:01.
      ['day', DAY],
      ['hour', -HOUR],
      ['minute', MINUTE],
      ['rows', 1000],
      ['hour', -5 * HOUR],
      ['hour', -6 * HOUR],
    ]);
    expect(pieces(false)).toEqual([
      ['rows', 29_999],
      ['minute', 58 * MINUTE],
      ['hour', 5 * HOUR],
      ['quarter', 6 * HOUR],
      ['day', 5 * DAY],
      ['week', 21 * DAY],
      ['day', 3 * DAY],
      ['hour', 12 * HOUR],
      ['minute', MINUTE],
      ['rows', 1000],
    ]);
  });
});
