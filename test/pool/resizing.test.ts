import { describe, expect, it } from 'vitest';
import { RESIZE_AGAIN_MS } from '../../gateway/pool/resizing.ts';
import { BROKEN, PoolDriver } from './driver.ts';
import { catalogue, hot, widened } from './widening.ts';

describe('tick with a hot combo', () => {
  it('doubles its sequences where it is when a request has waited for one as long as the delay', () => {
    const pool = hot();
    expect(pool.tick(499)).toEqual([]);
    expect(pool.tick(1)).toEqual(['resize r1 a 2']);
    expect(pool.tick(500)).toEqual([]);
  });

  it('grants what the new context has room for, and says so', () => {
    const pool = hot();
    pool.tick(500);
    expect(pool.arrive('q4', 'a')).toEqual([]);
    const notes = pool.notes(() => expect(pool.resized('r1', 'a', 2)).toEqual(['grant q2 r1 warm']));
    expect(notes).toEqual([
      {
        type: 'note',
        note: 'combo_widened',
        runnerId: pool.runnerId('r1'),
        combo: 'a',
        detail: { from: 1, sequences: 2, kvBytes: 4, computeBytes: 1 },
      },
    ]);
    expect(pool.end('q1')).toEqual(['grant q3 r1 warm']);
  });

  it('goes on to its most, and asks for another runner only then', () => {
    const pool = hot();
    pool.tick(500);
    for (const id of ['q4', 'q5', 'q6', 'q7', 'q8', 'q9']) pool.arrive(id, 'a');
    pool.resized('r1', 'a', 2);
    expect(pool.tick(500)).toEqual(['resize r1 a 4']);
    pool.resized('r1', 'a', 4);
    expect(pool.tick(500)).toEqual(['spawn r2 a']);
    expect(pool.tick(500)).toEqual([]);
  });

  it('goes no further than its most, be it less than the double', () => {
    const pool = widened({}, { maxSequences: 3, maxRunners: 1 });
    for (const id of ['q4', 'q5', 'q6', 'q7']) pool.arrive(id, 'a');
    expect(pool.tick(500)).toEqual(['resize r1 a 3']);
    pool.resized('r1', 'a', 3);
    expect(pool.tick(500)).toEqual([]);
  });

  it('widens one that may have but one runner', () => {
    expect(hot({}, { maxRunners: 1 }).tick(500)).toEqual(['resize r1 a 2']);
  });

  it('leaves one as it is whose most is what it begins with, or less', () => {
    expect(hot({}, { maxSequences: 1, maxRunners: 1 }).tick(500)).toEqual([]);
    expect(hot({}, { maxSequences: 1 }).tick(500)).toEqual(['spawn r2 a']);
  });

  it('takes what is the most now, not when the combo was started', () => {
    const pool = hot({}, { maxSequences: 1, maxRunners: 1 });
    pool.change(catalogue({ maxSequences: 2 }));
    pool.tick(0);
    expect(pool.tick(500)).toEqual(['resize r1 a 2']);
  });

  it('does nothing for flex work', () => {
    const pool = new PoolDriver({ panicWindowMs: 100, flexWatermarkMs: 1e9 }, catalogue());
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    for (const id of ['q2', 'q3', 'q4']) pool.ask(id, 'a', { tier: 'flex' });
    pool.tick(0);
    expect(pool.tick(500)).toEqual([]);
  });

  it('does nothing when the windows ask for no more than there is', () => {
    const pool = new PoolDriver({ panicWindowMs: 1e9, stableWindowMs: 1e9 }, catalogue());
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.tick(0);
    expect(pool.tick(500)).toEqual([]);
  });

  it('widens as long as the decoding runners are no more than the cores', () => {
    const busy = (cpuThreads: number): PoolDriver => {
      const pool = hot({ cpuThreads }, { maxRunners: 1 });
      pool.bring('r2', 'b');
      pool.arrive('other', 'b');
      return pool;
    };
    expect(busy(1).tick(500)).toEqual([]);
    expect(busy(2).tick(500)).toEqual(['resize r1 a 2']);
  });

  it('widens on a device however many runners decode', () => {
    const pool = hot({ cpuThreads: 1, deviceBytes: { CUDA0: 1e12 } }, { deviceLayers: -1, maxRunners: 1 });
    pool.bring('r2', 'b');
    pool.arrive('other', 'b');
    expect(pool.tick(500)).toEqual(['resize r1 a 2']);
    const slot = pool.state.runners.get(pool.runnerId('r1'))?.combos.values().next().value;
    expect(slot).toMatchObject({ resize: { from: 1, sequences: 2, sinceMs: 500, bytes: 5 } });
  });
});

describe('tick with a hot combo and little memory', () => {
  // Held: 7 + 3. The larger context: 4 + 1; kept free for a context of the first size again: 3.
  it('widens when both contexts fit', () => {
    const pool = hot({ memoryBytes: 18 }, { computeBytes: 1, maxRunners: 1 });
    expect(pool.tick(500)).toEqual(['resize r1 a 2']);
  });

  it('keeps its size when they do not', () => {
    const pool = hot({ memoryBytes: 17 }, { computeBytes: 1, maxRunners: 1 });
    expect(pool.tick(500)).toEqual([]);
  });

  it('lets nothing idle go for it', () => {
    const settings = { panicWindowMs: 100, memoryBytes: 20 };
    const pool = new PoolDriver(settings, catalogue({ computeBytes: 1, maxRunners: 1 }));
    pool.bring('r1', 'a');
    // Idle from now on: of 7 + 3 + 3 and the 5 + 3 that are needed one is missing.
    pool.bring('r1', 'a+x');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    pool.tick(0);
    expect(pool.tick(500)).toEqual([]);
  });

  it('asks for another runner when there is none for more sequences', () => {
    const pool = hot({}, { kvBudgetBytes: 7 });
    // 3 + 5 are more than the base's contexts may take.
    expect(pool.tick(500)).toEqual(['spawn r2 a']);
  });

  it('keeps to the bound of the contexts of one runner', () => {
    expect(hot({}, { kvBudgetBytes: 8, maxRunners: 1 }).tick(500)).toEqual(['resize r1 a 2']);
    expect(hot({}, { kvBudgetBytes: 7, maxRunners: 1 }).tick(500)).toEqual([]);
  });

  it('takes nothing while somebody waits for room', () => {
    const pool = hot({ maxRunners: 1, swapAfterMs: 1e9 }, { maxRunners: 1 });
    pool.arrive('other', 'b');
    expect(pool.tick(500)).toEqual([]);
    pool.gone('other');
    expect(pool.tick(500)).toEqual(['resize r1 a 2']);
  });

  it('does not widen a combo that shares a context', () => {
    const pool = new PoolDriver({ panicWindowMs: 100 }, catalogue({ maxRunners: 1 }));
    pool.arrive('q1', 'a');
    pool.up('r1');
    pool.loaded('r1');
    const comboKey = pool.combo('a').key;
    pool.tell({ type: 'comboReady', runnerId: pool.runnerId('r1'), comboKey, kvBytes: 0, computeBytes: 0 });
    for (const id of ['q2', 'q3']) pool.arrive(id, 'a');
    pool.tick(0);
    expect(pool.tick(500)).toEqual([]);
  });

  it('counts the context that is being made and the one before until each is over', () => {
    const pool = hot({ memoryBytes: 18 }, { computeBytes: 1, maxRunners: 1 });
    pool.tick(500);
    pool.end('q1');
    pool.end('q2');
    pool.end('q3');
    // Its own attach takes 3: there are none left.
    expect(pool.arrive('x1', 'a+x')).not.toContain('attach r1 a+x');
  });

  it('gives the memory of the context before back when that has gone', () => {
    const pool = hot({ memoryBytes: 18 }, { computeBytes: 1, maxRunners: 1 });
    pool.tick(500);
    expect(pool.arrive('x1', 'a+x')).toEqual([]);
    pool.resized('r1', 'a', 2);
    expect(pool.retired('r1', 'a', 3)).toEqual([]);
    expect(pool.retired('r1', 'a', 1)).toEqual([]);
    expect(pool.retired('r1', 'a', 2)).toEqual(['attach r1 a+x']);
  });

  it('holds both contexts of a combo that drains until it has gone', () => {
    const pool = hot({ swapAfterMs: 0, maxCombosPerRunner: 1 }, { maxRunners: 1 });
    pool.tick(500);
    const held = () => {
      const slot = pool.state.runners.get(pool.runnerId('r1'))?.combos.values().next().value;
      return slot?.state === 'draining' && { resize: slot.resize?.bytes, retiring: slot.retiringBytes };
    };
    pool.arrive('x1', 'a+x');
    for (const id of ['q2', 'q3']) pool.gone(id);
    pool.tick(0);
    expect(held()).toEqual({ resize: 5, retiring: 0 });
    pool.resized('r1', 'a', 2);
    expect(held()).toEqual({ resize: undefined, retiring: 3 });
    pool.retired('r1', 'a', 2);
    expect(held()).toEqual({ resize: undefined, retiring: 0 });
  });
});

describe('comboResizeFailed', () => {
  it('leaves the combo as it is, and lets it be tried again after a while', () => {
    const pool = hot({ startTimeoutMs: 1e9 }, { maxRunners: 1 });
    pool.tick(500);
    const notes = pool.notes(() => expect(pool.resizeFailed('r1', 'a')).toEqual([]));
    expect(notes).toEqual([
      {
        type: 'note',
        note: 'combo_resize_failed',
        runnerId: pool.runnerId('r1'),
        combo: 'a',
        detail: { from: 1, sequences: 2, code: BROKEN.code, message: BROKEN.message },
      },
    ]);
    expect(pool.tick(RESIZE_AGAIN_MS - 1)).toEqual([]);
    expect(pool.tick(1)).toEqual(['resize r1 a 2']);
  });

  it('makes way for another runner', () => {
    const pool = hot();
    pool.tick(500);
    pool.resizeFailed('r1', 'a');
    expect(pool.tick(1)).toEqual(['spawn r2 a']);
  });

  it('is ignored, as is success, when no size was asked for', () => {
    const pool = hot();
    expect(pool.resizeFailed('r1', 'a')).toEqual([]);
    expect(pool.resized('r1', 'a', 2)).toEqual([]);
    pool.tick(500);
    expect(pool.resized('r1', 'a', 3)).toEqual([]);
    expect(pool.notes(() => pool.resized('r2', 'a', 2))).toEqual([]);
    expect(pool.notes(() => pool.resizeFailed('r2', 'a'))).toEqual([]);
  });

  it('is given up with the runner when the order has no answer for as long as a start may take', () => {
    const pool = hot({}, { maxRunners: 1 });
    pool.tick(500);
    pool.tick(29_999);
    expect(pool.stateOf('r1')).toBe('ready');
    pool.tick(1);
    expect(pool.stateOf('r1')).toBe('draining');
  });
});
