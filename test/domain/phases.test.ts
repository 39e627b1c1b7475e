import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PhaseInterval, partitionWait } from '../../gateway/domain/phases.ts';

const START: PhaseInterval[] = [
  { phase: 'spawn', startMonoMs: 10, endMonoMs: 30 },
  { phase: 'load', startMonoMs: 30, endMonoMs: 70 },
  { phase: 'context', startMonoMs: 75, endMonoMs: 80 },
];

describe('partitionWait()', () => {
  test('calls a wait beside no start a queue', () => {
    expect(partitionWait(0, 5, START)).toEqual({ queue: 5 });
    expect(partitionWait(0, 5, [])).toEqual({ queue: 5 });
  });

  test('gives each part of a start its phase and the rest to the queue', () => {
    expect(partitionWait(5, 80, START)).toEqual({ queue: 10, spawn: 20, load: 40, context: 5 });
  });

  test('times a request that joined late from its own arrival', () => {
    expect(partitionWait(50, 80, START)).toEqual({ queue: 5, load: 20, context: 5 });
  });

  test('counts a phase that is still open up to now', () => {
    const open: PhaseInterval[] = [{ phase: 'load', startMonoMs: 10, endMonoMs: Number.POSITIVE_INFINITY }];
    expect(partitionWait(12, 20, open)).toEqual({ load: 8 });
  });

  test('adds up intervals of one phase', () => {
    const twice: PhaseInterval[] = [
      { phase: 'attach', startMonoMs: 0, endMonoMs: 2 },
      { phase: 'attach', startMonoMs: 3, endMonoMs: 5 },
    ];
    expect(partitionWait(0, 5, twice)).toEqual({ attach: 4, queue: 1 });
  });

  test('gives nothing for no wait', () => {
    expect(partitionWait(40, 40, START)).toEqual({});
  });

  test('does not call the rounding of floats a queue', () => {
    const lengths = fc.array(fc.double({ min: 0.001, max: 1e5, noNaN: true }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 10, noNaN: true }), lengths, (fromMonoMs, list) => {
        let at = fromMonoMs;
        const intervals = list.map((length): PhaseInterval => {
          const startMonoMs = at;
          at += length;
          return { phase: 'load', startMonoMs, endMonoMs: at };
        });
        expect(Object.keys(partitionWait(fromMonoMs, at, intervals))).toEqual(['load']);
      }),
      // Left a queue of 2.8e-14 ms.
      { examples: [[0.67, [31.1, 87.1, 51.8]]] },
    );
  });

  test('always sums to the wait, with no negative and no zero part', () => {
    const phases = ['spawn', 'stage', 'load', 'attach', 'context'] as const;
    const step = fc.double({ min: 0, max: 1e5, noNaN: true });
    const steps = fc.array(fc.record({ gap: step, length: step, phase: fc.constantFrom(...phases) }), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(step, step, steps, (fromMonoMs, waitMs, list) => {
        let at = 0;
        const intervals = list.map(({ gap, length, phase }): PhaseInterval => {
          const startMonoMs = at + gap;
          at = startMonoMs + length;
          return { phase, startMonoMs, endMonoMs: at };
        });
        const toMonoMs = fromMonoMs + waitMs;
        const parts = Object.values(partitionWait(fromMonoMs, toMonoMs, intervals));
        const sum = parts.reduce((total, part) => total + part, 0);
        expect(Math.abs(sum - (toMonoMs - fromMonoMs))).toBeLessThan(1e-5);
        expect(parts.every((part) => part > 0)).toBe(true);
      }),
    );
  });
});
