import { describe, expect, test } from 'vitest';
import { Heartbeat, type Vitals } from '../../gateway/shell/probes/heartbeat.ts';

const LIMITS = { probeTimeoutMs: 1000, stallTimeoutMs: 5000 };
const idle: Vitals = { activeSequences: 0, waitingRequests: 0, embeddings: 0, progress: 7 };

/** Asks, lets time pass and answers: one round that is well. */
function round(beat: Heartbeat, vitals: Vitals, ms = 2000): ReturnType<Heartbeat['passed']> {
  const hang = beat.passed(ms);
  beat.asked();
  beat.answered(vitals);
  return hang;
}

describe('Heartbeat', () => {
  test('Heartbeat finds a runner silent that has not answered for the limit, not a moment before', () => {
    const beat = new Heartbeat(LIMITS);
    beat.asked();
    expect(beat.isAsked).toBe(true);
    expect(beat.passed(600)).toBeNull();
    expect(beat.passed(399)).toBeNull();
    expect(beat.passed(1)).toEqual({ cause: 'silent', forMs: 1000 });
  });

  test('Heartbeat counts anew with each probe', () => {
    const beat = new Heartbeat(LIMITS);
    beat.asked();
    beat.passed(999);
    beat.answered(idle);
    expect(beat.isAsked).toBe(false);
    expect(beat.passed(5000)).toBeNull();
    beat.asked();
    expect(beat.passed(999)).toBeNull();
    expect(beat.passed(1)).not.toBeNull();
  });

  for (const work of ['activeSequences', 'waitingRequests', 'embeddings'] as const) {
    test(`Heartbeat finds a runner stalled that has ${work} and does no step for the limit`, () => {
      const beat = new Heartbeat(LIMITS);
      const busy = { ...idle, [work]: 1 };
      round(beat, busy);
      expect(round(beat, busy, 2000)).toBeNull();
      expect(round(beat, busy, 2999)).toBeNull();
      expect(beat.passed(0)).toBeNull();
      round(beat, busy, 1);
      expect(beat.passed(0)).toEqual({ cause: 'stalled', forMs: 5000 });
    });
  }

  test('Heartbeat takes one step for progress', () => {
    const beat = new Heartbeat(LIMITS);
    for (let step = 0; step < 100; step += 1)
      expect(round(beat, { ...idle, activeSequences: 1, progress: step })).toBeNull();
    expect(beat.passed(2000)).toBeNull();
  });

  test('Heartbeat leaves a runner alone that has nothing to do, or had nothing at one end of the time', () => {
    const beat = new Heartbeat(LIMITS);
    const busy = { ...idle, activeSequences: 1 };
    for (let step = 0; step < 20; step += 1) expect(round(beat, idle)).toBeNull();
    for (let step = 0; step < 20; step += 1) expect(round(beat, step % 2 ? busy : idle)).toBeNull();
  });
});
