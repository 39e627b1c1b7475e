import { describe, expect, it } from 'vitest';
import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { PoolDriver } from './driver.ts';
import { catalogue, coolDown, hot, widened } from './widening.ts';

describe('tick with a widened combo that has cooled down', () => {
  const COOL = { stableWindowMs: 10, panicWindowMs: 10, scaleDownAfterMs: 1000 };

  it('gives it its first size back when nobody has used it for the grace time', () => {
    const pool = widened(COOL);
    coolDown(pool);
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['resize r1 a 1']);
    const notes = pool.notes(() => pool.resized('r1', 'a', 1));
    expect(notes.map(({ note, detail }) => [note, detail])).toEqual([
      ['combo_narrowed', { from: 2, sequences: 1, kvBytes: 2, computeBytes: 1 }],
    ]);
    expect(pool.tick(5000)).toEqual([]);
  });

  it('serves no more at a time than the smaller one has room for, as soon as that is made', () => {
    const pool = widened(COOL);
    coolDown(pool);
    pool.tick(1000);
    expect(pool.arrive('q4', 'a')).toEqual(['grant q4 r1 warm']);
    expect(pool.arrive('q5', 'a')).toEqual([]);
    expect(pool.resized('r1', 'a', 1)).toEqual([]);
    expect(pool.end('q4')).toEqual(['grant q5 r1 warm']);
  });

  it('serves as many as before when the runner cannot make it smaller', () => {
    const pool = widened(COOL);
    coolDown(pool);
    pool.tick(1000);
    pool.arrive('q4', 'a');
    pool.arrive('q5', 'a');
    expect(pool.resizeFailed('r1', 'a')).toEqual(['grant q5 r1 warm']);
  });

  it('knows which context is meant by one that has gone, also while it is made smaller', () => {
    const pool = hot(COOL);
    pool.tick(500);
    pool.resized('r1', 'a', 2);
    coolDown(pool);
    pool.tick(1000);
    const retiring = () => {
      const slot = pool.state.runners.get(pool.runnerId('r1'))?.combos.values().next().value;
      return slot?.state === 'ready' && slot.retiringBytes;
    };
    pool.retired('r1', 'a', 1);
    expect(retiring()).toBe(3);
    pool.retired('r1', 'a', 2);
    expect(retiring()).toBe(0);
  });

  it('leaves it while it is used, or was lately', () => {
    const pool = widened(COOL);
    pool.end('q1');
    pool.end('q2');
    expect(pool.tick(5000)).toEqual([]);
    pool.end('q3');
    expect(pool.tick(999)).toEqual([]);
  });

  it('leaves it while the averages ask for more than the first size', () => {
    const pool = widened({ ...COOL, stableWindowMs: 100_000 });
    pool.state.loads.set(pool.combo('a').key, { stable: 1.5, panic: 0, atMs: pool.nowMs, panicUntilMs: 0 });
    coolDown(pool);
    expect(pool.tick(1000)).toEqual([]);
  });

  it('leaves it while it panics', () => {
    const pool = widened(COOL);
    coolDown(pool);
    const load = { stable: 0, panic: 0, atMs: pool.nowMs, panicUntilMs: pool.nowMs + 1001 };
    pool.state.loads.set(pool.combo('a').key, load);
    expect(pool.tick(1000)).toEqual([]);
    expect(pool.tick(1)).toEqual(['resize r1 a 1']);
  });

  it('makes a pinned one smaller, which stays ready', () => {
    const pool = widened(COOL);
    pool.pin('o1', 'a');
    coolDown(pool);
    expect(pool.tick(1000)).toEqual(['resize r1 a 1']);
  });

  it('gives back what runners of an earlier gateway have more than they begin with', () => {
    const pool = new PoolDriver({ ...COOL, cpuThreads: 1 }, catalogue({ maxRunners: 1 }));
    pool.adopt('r9', 'a', [pool.combo('a').key], { sequences: 1, widened: 4 });
    for (const id of ['q1', 'q2', 'q3', 'q4']) expect(pool.arrive(id, 'a')).toEqual([`grant ${id} r9 warm`]);
    expect(pool.arrive('q5', 'a')).toEqual([]);
    for (const id of ['q1', 'q2', 'q3', 'q4', 'q5']) pool.end(id);
    expect(pool.tick(1000)).toEqual(['resize r9 a 1']);
  });

  it('makes it smaller when the averages ask for just what is left', () => {
    const loadOf = (pool: PoolDriver, stable: number): void => {
      const load = { stable, panic: 0, atMs: pool.nowMs + 1000, panicUntilMs: 0 };
      pool.state.loads.set(pool.combo('a').key, load);
    };
    const pool = widened(COOL);
    coolDown(pool);
    loadOf(pool, 1);
    expect(pool.tick(1000)).toEqual(['resize r1 a 1']);
    const busier = widened(COOL);
    coolDown(busier);
    loadOf(busier, 1.01);
    expect(busier.tick(1000)).toEqual([]);
  });

  it('counts only the share of its sequences that it is to use', () => {
    const pool = widened({ ...COOL, targetOccupancy: 0.5 });
    coolDown(pool);
    const load = { stable: 0.6, panic: 0, atMs: pool.nowMs + 1000, panicUntilMs: 0 };
    pool.state.loads.set(pool.combo('a').key, load);
    expect(pool.tick(1000)).toEqual([]);
  });

  it('has the memory for that, which it kept free', () => {
    // 7 + 5 + 3.
    const pool = widened({ ...COOL, memoryBytes: 18 }, { computeBytes: 1, maxRunners: 1 });
    coolDown(pool);
    pool.warm('o1', 'a+x');
    pool.ready('r1', 'a+x');
    expect(pool.tick(1000)).toEqual(['resize r1 a 1']);
    expect(pool.resizeFailed('r1', 'a')).toEqual([]);
    expect(pool.tick(59_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['resize r1 a 1']);
    pool.resized('r1', 'a', 1);
    const slot = pool.state.runners.get(pool.runnerId('r1'))?.combos.values().next().value;
    expect(slot).toMatchObject({ reserveBytes: 0, retiringBytes: 5, resize: null });
  });

  it('keeps nothing free for one that could not be widened', () => {
    const pool = hot();
    pool.tick(500);
    const slot = pool.state.runners.get(pool.runnerId('r1'))?.combos.values().next().value;
    expect(slot).toMatchObject({ reserveBytes: 3 });
    pool.resizeFailed('r1', 'a');
    expect(slot).toMatchObject({ reserveBytes: 0 });
  });

  it('goes on to keep it free for one that could not be widened once more', () => {
    const pool = widened();
    for (const id of ['q4', 'q5', 'q6', 'q7']) pool.arrive(id, 'a');
    expect(pool.tick(500)).toEqual(['resize r1 a 4']);
    pool.resizeFailed('r1', 'a');
    const slot = pool.state.runners.get(pool.runnerId('r1'))?.combos.values().next().value;
    expect(slot).toMatchObject({ reserveBytes: 3, sequences: 2 });
  });

  it('has it kept free on runners of an earlier gateway, too, or takes no such combo over', () => {
    const judged = (memoryBytes: number) => {
      const pool = new PoolDriver({ memoryBytes }, catalogue());
      // 7 for the base, 2 + 1 for the context, 1 + 1 for a smaller one.
      return pool.judge('r9', 'a', [pool.combo('a').key], { sequences: 1, widened: 2 });
    };
    expect(judged(12)).toMatchObject({ combos: [{ sequences: 2 }], stale: [] });
    expect(judged(11)).toMatchObject({ combos: [], stale: [expect.stringMatching('a')] });
    const pool = new PoolDriver({}, catalogue());
    pool.adopt('r9', 'a', [pool.combo('a').key], { sequences: 1, widened: 2 });
    const slot = pool.state.runners.get(pool.runnerId('r9'))?.combos.values().next().value;
    expect(slot).toMatchObject({ reserveBytes: 2 });
  });

  it('makes it smaller at once while somebody waits for room', () => {
    const stays = { ...COOL, maxRunners: 1, swapAfterMs: 1e9, minResidencyMs: 1e9 };
    const pool = widened(stays, { maxRunners: 1 });
    coolDown(pool);
    pool.arrive('other', 'b');
    expect(pool.tick(0)).toEqual(['resize r1 a 1']);
  });

  describe('and is busy with no more than its first size', () => {
    /** Pinned; 7 + 5 + 3 bytes are held, 7 + 3 would do, and 1020 are wanted beside that. */
    function busy(requests: number, settings: Partial<PoolSettings> = {}): PoolDriver {
      const pool = widened({ ...COOL, memoryBytes: 1030, ...settings }, { maxRunners: 1 });
      pool.pin('o1', 'a');
      for (const id of ['q1', 'q2', 'q3'].slice(requests)) pool.end(id);
      expect(pool.arrive('other', 'b')).toEqual([]);
      return pool;
    }

    it('makes it smaller beside what runs, for who has waited for memory until his turn', () => {
      const pool = busy(1);
      expect(pool.tick(1999)).toEqual([]);
      expect(pool.tick(1)).toEqual(['resize r1 a 1']);
      pool.resized('r1', 'a', 1);
      expect(pool.arrive('q4', 'a')).toEqual([]);
      expect(pool.end('q1')).toEqual(['grant q4 r1 warm']);
      expect(pool.retired('r1', 'a', 1)).toEqual(['spawn r2 b']);
    });

    it('leaves it when it uses more', () => {
      expect(busy(2).tick(2000)).toEqual([]);
    });

    it('leaves it when what is missing comes by itself', () => {
      const pool = widened({ ...COOL, memoryBytes: 1035 }, { maxRunners: 1 });
      pool.pin('o1', 'a');
      for (const id of ['q2', 'q3']) pool.end(id);
      pool.bring('r1', 'a+x');
      expect(pool.arrive('other', 'b')).toEqual(['detach r1 a+x']);
      expect(pool.tick(2000)).toEqual([]);
    });

    it('leaves it to who waits for a place', () => {
      const pool = widened({ ...COOL, maxCombosPerRunner: 2 }, { maxRunners: 1 });
      pool.pin('o1', 'a');
      for (const id of ['q2', 'q3']) pool.end(id);
      pool.arrive('busy', 'a+x');
      pool.ready('r1', 'a+x');
      expect(pool.arrive('other', 'a+x@0.5')).toEqual([]);
      expect(pool.tick(2000)).toEqual([]);
    });

    it('leaves it to flex work that may take nothing of it', () => {
      const pool = busy(1);
      pool.gone('other');
      expect(pool.ask('flex', 'b', { tier: 'flex' })).toEqual([]);
      expect(pool.tick(5000)).toEqual([]);
    });
  });

  it('makes it smaller although flex work waits for it that is held for who waits for room', () => {
    // Held are 7 + 5 + 3, with the first size 7 + 3; another runner with another combo takes as much.
    const held = { ...COOL, maxCombosPerRunner: 1, flexWatermarkMs: 0, memoryBytes: 24 };
    const pool = widened(held, { computeBytes: 1 });
    coolDown(pool);
    pool.pin('o1', 'a');
    expect(pool.arrive('other', 'a+x')).toEqual([]);
    pool.nowMs += 1;
    expect(pool.ask('q4', 'a', { tier: 'flex' })).toEqual([]);
    expect(pool.tick(0)).toEqual(['resize r1 a 1']);
    pool.resized('r1', 'a', 1);
    expect(pool.retired('r1', 'a', 1)).toEqual(['spawn r2 a']);
  });

  it('leaves it while it is being made larger', () => {
    const pool = widened({ ...COOL, startTimeoutMs: 1e9 });
    for (const id of ['q4', 'q5', 'q6', 'q7', 'q8']) pool.arrive(id, 'a');
    expect(pool.tick(500)).toEqual(['resize r1 a 4']);
    for (const id of ['q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q7', 'q8']) pool.end(id);
    expect(pool.tick(5000)).toEqual([]);
  });

  it('predicts the larger context from the one that is there', () => {
    // From 2 to 4 sequences: 7 + 5 + 3 are held, 8 + 1 are needed.
    const more = (memoryBytes: number): string[] => {
      const pool = widened({ memoryBytes }, { computeBytes: 1, maxRunners: 1 });
      for (const id of ['q4', 'q5', 'q6', 'q7']) pool.arrive(id, 'a');
      return pool.tick(500);
    };
    expect(more(24)).toEqual(['resize r1 a 4']);
    expect(more(23)).toEqual([]);
  });
});

describe('tick with a combo on two runners', () => {
  const COOL = {
    stableWindowMs: 10,
    panicWindowMs: 10,
    scaleDownAfterMs: 1000,
    cpuThreads: 8,
    maxRunners: 3,
  };

  /** Both of an earlier gateway; the context of each has so many sequences. */
  function both(widened: number, settings: Partial<PoolSettings> = {}): PoolDriver {
    const pool = new PoolDriver({ ...COOL, ...settings }, catalogue({ maxRunners: 2 }));
    for (const runner of ['r8', 'r9'])
      pool.adopt(runner, 'a', [pool.combo('a').key], { sequences: 1, widened });
    return pool;
  }

  it('widens one after the other, the oldest first', () => {
    const pool = both(1, { scaleUpDelayMs: 0 });
    for (let at = 0; at < 9; at += 1) pool.arrive(`q${at}`, 'a');
    pool.tick(0);
    expect(pool.tick(500)).toEqual(['resize r8 a 2']);
    expect(pool.tick(500)).toEqual([]);
    pool.resized('r8', 'a', 2);
    expect(pool.tick(500)).toEqual(['resize r8 a 4']);
    pool.resized('r8', 'a', 4);
    expect(pool.tick(500)).toEqual(['resize r9 a 2']);
  });

  it('makes only as many smaller as are not needed, the newest first', () => {
    const pool = both(4, { scaleDownAfterMs: 1000 });
    pool.pin('o1', 'a', { count: 2 });
    const load = { stable: 5, panic: 0, atMs: 1000, panicUntilMs: 0 };
    pool.state.loads.set(pool.combo('a').key, load);
    expect(pool.tick(1000)).toEqual(['resize r9 a 1']);
  });
});

describe('the averages of a combo', () => {
  const averaged = (changes: Partial<CatalogueModel>, widened = 1): boolean => {
    const pool = new PoolDriver({}, catalogue({ maxRunners: 1, ...changes }));
    pool.adopt('r9', 'a', [pool.combo('a').key], { sequences: 1, widened });
    pool.tick(0);
    return pool.state.loads.size > 0;
  };

  it('are kept when it may have more sequences, or has more than at first', () => {
    expect(averaged({ maxSequences: 2 })).toBe(true);
    expect(averaged({ maxSequences: 1 }, 2)).toBe(true);
  });

  it('are not kept when it has what it may have', () => {
    expect(averaged({ maxSequences: 1 })).toBe(false);
  });
});
