import { describe, expect, it } from 'vitest';
import { type DemandSlot, expectedWithin, learnDemand, SLOT_MS } from '../../gateway/pool/forecast.ts';

const WEEK = 7 * 24 * 4;

/** The first slot of some week. */
const MONDAY = 100 * WEEK;
const at = (slot: number): number => slot * SLOT_MS;
const row = (combo: string, slot: number, requests = 1): DemandSlot => ({ combo, slot, requests });

describe('learnDemand()', () => {
  it('expects at a time of the week what came at it in every week past', () => {
    const rows = [1, 2, 3].map((week) => row('a', MONDAY - week * WEEK + 40, 5));
    const forecast = learnDemand(rows, at(MONDAY));
    const [a, ...others] = expectedWithin(forecast, at(MONDAY + 40), SLOT_MS);
    expect(others).toEqual([]);
    expect(a?.combo).toBe('a');
    expect(a?.chance).toBeCloseTo(1);
    expect(a?.requests).toBeCloseTo(5);
    expect(expectedWithin(forecast, at(MONDAY + 39), SLOT_MS)).toEqual([]);
    expect(expectedWithin(forecast, at(MONDAY + 41), SLOT_MS)).toEqual([]);
  });

  it('has each week count for 0.7 of the one after it', () => {
    const known = row('b', MONDAY - 3 * WEEK);
    const lastWeek = expectedWithin(
      learnDemand([known, row('a', MONDAY - WEEK)], at(MONDAY)),
      at(MONDAY),
      SLOT_MS,
    );
    expect(lastWeek.find(({ combo }) => combo === 'a')?.chance).toBeCloseTo(1 / (1 + 0.7 + 0.49));
    expect(lastWeek.find(({ combo }) => combo === 'b')?.chance).toBeCloseTo(0.49 / (1 + 0.7 + 0.49));
    expect(lastWeek.map(({ combo }) => combo)).toEqual(['a', 'b']);
  });

  it('leaves out the slot that is not over, and knows nothing in the first week', () => {
    const rows = [row('a', MONDAY), row('a', MONDAY - 1)];
    const forecast = learnDemand(rows, at(MONDAY) + SLOT_MS - 1);
    expect(expectedWithin(forecast, at(MONDAY), 2 * SLOT_MS)).toEqual([]);
    expect(learnDemand([], at(MONDAY)).size).toBe(0);
    expect(expectedWithin(forecast, at(MONDAY + WEEK - 1), SLOT_MS)).toEqual([
      { combo: 'a', chance: 1, requests: 1 },
    ]);
  });
});

describe('expectedWithin()', () => {
  /** In one of two weeks: chance 1 / 1.7 and 0.7 / 1.7. */
  const forecast = learnDemand(
    [row('a', MONDAY - WEEK, 2), row('a', MONDAY - 2 * WEEK + 1), row('c', MONDAY - WEEK + 9)],
    at(MONDAY),
  );

  it('takes slots together as independent of each other', () => {
    const [a] = expectedWithin(forecast, at(MONDAY), 2 * SLOT_MS);
    expect(a?.chance).toBeCloseTo(1 - (1 - 1 / 1.7) * (1 - 0.7 / 1.7));
    expect(a?.requests).toBeCloseTo(2 / 1.7 + 0.7 / 1.7);
  });

  it('takes a slot by the part of it that lies ahead', () => {
    const [a] = expectedWithin(forecast, at(MONDAY) + SLOT_MS / 2, SLOT_MS / 2);
    expect(a?.chance).toBeCloseTo(1 - (1 - 1 / 1.7) ** 0.5);
    expect(a?.requests).toBeCloseTo(1 / 1.7);
    expect(expectedWithin(forecast, at(MONDAY + 1), 0)).toEqual([]);
  });

  it('puts the likelier first, and of equal ones the one asked for more', () => {
    const rows = [row('few', MONDAY - WEEK), row('many', MONDAY - WEEK, 9), row('old', MONDAY - 2 * WEEK)];
    const expected = expectedWithin(learnDemand(rows, at(MONDAY)), at(MONDAY), SLOT_MS);
    expect(expected.map(({ combo }) => combo)).toEqual(['many', 'few', 'old']);
  });
});
