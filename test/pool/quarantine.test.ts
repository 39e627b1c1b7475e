import { describe, expect, it } from 'vitest';
import type { Failure } from '../../gateway/domain/errors.ts';
import { strike } from '../../gateway/pool/quarantine.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { BROKEN, PoolDriver } from './driver.ts';

const PERMANENT: Failure = { code: 'start_failed_permanently', message: 'Cannot start "a": no GGUF file' };

function quarantineOf(pool: PoolDriver, key: string) {
  const found = pool.state.quarantines.get(key);
  if (!found)
    throw new Error(`"${key}" is not quarantined: ${[...pool.state.quarantines.keys()].join(', ')}`);
  return found;
}

/** Lets the next start of the combo's base fail; its runner is that one. */
function failStart(pool: PoolDriver, runner: string, name = 'a'): void {
  expect(pool.arrive(`q ${runner}`, name)).toEqual([`spawn ${runner} ${name.split('+')[0]}`]);
  pool.exited(runner);
}

/** The base "a" has failed to start so often in a row; the pool's time is that of the last failure. */
function failedOften(times: number, settings: Partial<PoolSettings> = {}): PoolDriver {
  const pool = new PoolDriver(settings);
  for (let at = 1; at <= times; at += 1) {
    failStart(pool, `r${at}`);
    const { untilMs } = quarantineOf(pool, 'base a#r1');
    if (at < times) pool.nowMs = Math.max(pool.nowMs, untilMs);
  }
  return pool;
}

const backoffMs = (pool: PoolDriver): number => quarantineOf(pool, 'base a#r1').untilMs - pool.nowMs;

describe('decide(), when a base fails to start,', () => {
  it('refuses who waited for a place on a runner of it, in the moment that this gives way to another base', () => {
    const pool = failedOften(2, { maxRunners: 1, maxCombosPerRunner: 1, flexSparesMs: 60_000 });
    pool.adopt('r9', 'a', ['a#r1']);
    expect(pool.ask('waits', 'a+x', { tier: 'flex' })).toEqual([]);
    expect(pool.warm('o1', 'c')).toEqual(['stop r9 evicted 10000', 'reject waits quarantined']);
  });

  it('tries again at once after the first failure', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    const [rejection] = pool.rejections(() => pool.exited('r1'));
    expect(rejection).toMatchObject(BROKEN);
    expect(pool.arrive('q2', 'a')).toEqual(['spawn r2 a']);
  });

  it('refuses after the second one, with the time that is left and the last cause', () => {
    const pool = failedOften(2);
    const leftMs = Math.ceil(backoffMs(pool));
    const [refusal] = pool.rejections(() => pool.arrive('q3', 'a'));
    expect(refusal).toEqual({
      code: 'quarantined',
      message: `Cannot start "a": expected no attempt for ${leftMs} ms after 2 failed starts, the last: Cannot start: broken`,
      retryAfterMs: leftMs,
    });
    expect(pool.state.waiting).toBe(0);
  });

  it('tells those whose start failed how long the next one will not begin', () => {
    const pool = failedOften(1);
    pool.arrive('q2', 'a');
    const [refusal] = pool.rejections(() => pool.exited('r2'));
    expect(refusal).toEqual({ ...BROKEN, retryAfterMs: Math.ceil(backoffMs(pool)) });
  });

  it('refuses all its combos, those with adapters too, and no other base', () => {
    const pool = failedOften(2);
    expect(pool.arrive('q3', 'a+x')).toEqual(['reject q3 quarantined']);
    expect(pool.arrive('q4', 'b')).toEqual(['spawn r3 b']);
  });

  it('begins one start when the time is over, not a moment before, and all join it', () => {
    const pool = failedOften(2);
    const { untilMs } = quarantineOf(pool, 'base a#r1');
    pool.nowMs = untilMs - 0.001;
    expect(pool.arrive('q3', 'a')).toEqual(['reject q3 quarantined']);
    pool.nowMs = untilMs;
    expect(pool.arrive('q4', 'a')).toEqual(['spawn r3 a']);
    expect(pool.arrive('q5', 'a')).toEqual([]);
    expect(pool.exited('r3')).toEqual(['reject q4 start_failed', 'reject q5 start_failed']);
    expect(quarantineOf(pool, 'base a#r1').failures).toBe(3);
  });

  it('waits between the base and the base doubled with each failure, at most the cap', () => {
    const settings = { quarantineBaseMs: 1000, quarantineCapMs: 5000 };
    for (const [times, ceilingMs] of [
      [2, 2000],
      [3, 4000],
      [4, 5000],
      [9, 5000],
    ] as const) {
      const ms = backoffMs(failedOften(times, settings));
      expect(ms).toBeGreaterThanOrEqual(1000);
      expect(ms).toBeLessThanOrEqual(ceilingMs);
    }
  });

  it('spreads the waits of bases that fail together over the whole range', () => {
    const ids = Array.from({ length: 200 }, (_, index) => `m${index}`);
    const pool = new PoolDriver({}, catalogueOf(ids.map((id) => model(id))));
    const waits = ids.map((id) => {
      const culprit = { scope: 'base', model: pool.combo(id).model } as const;
      strike(pool.state, culprit, BROKEN, 0, []);
      strike(pool.state, culprit, BROKEN, 0, []);
      strike(pool.state, culprit, BROKEN, 0, []);
      return quarantineOf(pool, `base ${id}#r1`).untilMs;
    });
    expect(Math.min(...waits)).toBeLessThan(1200);
    expect(Math.max(...waits)).toBeGreaterThan(3800);
    expect(new Set(waits).size).toBe(200);
  });

  it('waits no longer than the cap when that is less than the base', () => {
    expect(backoffMs(failedOften(2, { quarantineBaseMs: 1000, quarantineCapMs: 300 }))).toBe(300);
  });

  it('does not wait at all when the operator sets no base', () => {
    const pool = failedOften(5, { quarantineBaseMs: 0 });
    expect(pool.arrive('q', 'a')).toEqual(['spawn r6 a']);
  });

  it('waits for the cap at once when no retry helps, and says so', () => {
    const pool = new PoolDriver({ quarantineCapMs: 7000 });
    pool.arrive('q1', 'a');
    expect(pool.rejections(() => pool.failed('r1', PERMANENT))).toEqual([
      { ...PERMANENT, retryAfterMs: 7000 },
    ]);
    pool.exited('r1');
    pool.nowMs = 6999;
    const [refusal] = pool.rejections(() => pool.arrive('q2', 'a'));
    expect(refusal).toEqual({
      code: 'quarantined',
      message: `Cannot start "a": expected no attempt for 1 ms after a failed start, the last: ${PERMANENT.message}`,
      retryAfterMs: 1,
      isPermanent: true,
    });
    pool.nowMs = 7000;
    expect(pool.arrive('q3', 'a')).toEqual(['spawn r2 a']);
  });

  it('serves what is loaded although the base is quarantined', () => {
    const pool = failedOften(2);
    pool.warm('o1', 'a');
    pool.up('r3');
    pool.loaded('r3');
    pool.ready('r3', 'a');
    strike(pool.state, { scope: 'base', model: pool.combo('a').model }, BROKEN, pool.nowMs, []);
    expect(pool.arrive('q3', 'a')).toEqual(['grant q3 r3 warm']);
    expect(pool.arrive('q4', 'a+x')).toEqual(['attach r3 a+x']);
  });

  it('refuses those at once who wait for a sequence of a runner that dies with its base quarantined', () => {
    const pool = failedOften(2);
    pool.warm('o1', 'a');
    pool.up('r3');
    pool.loaded('r3');
    pool.ready('r3', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    expect(pool.exited('r3')).toEqual(['reject q3 quarantined']);
  });

  it('leaves a note of what is quarantined, from the second failure on', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    expect(pool.notes(() => pool.exited('r1')).map(({ note }) => note)).toEqual(['runner_exited']);
    pool.arrive('q2', 'a');
    expect(pool.notes(() => pool.exited('r2'))[1]).toEqual({
      type: 'note',
      note: 'combo_quarantined',
      combo: 'a',
      detail: {
        scope: 'base',
        failures: 2,
        forMs: Math.round(backoffMs(pool)),
        code: 'start_failed',
        message: 'Cannot start: broken',
      },
    });
  });
});

describe('decide() ends a quarantine', () => {
  /** "a" was quarantined and has been loaded by order since. */
  function loadedAgain(): PoolDriver {
    const pool = failedOften(2);
    pool.warm('o1', 'a');
    pool.up('r3');
    pool.loaded('r3');
    pool.ready('r3', 'a');
    return pool;
  }

  it('when a runner of the base has lived for ten seconds, not when it is loaded', () => {
    const pool = loadedAgain();
    expect(pool.notes(() => pool.tick(9_999))).toEqual([]);
    expect(quarantineOf(pool, 'base a#r1').failures).toBe(2);
    expect(pool.notes(() => pool.tick(1))).toEqual([
      {
        type: 'note',
        note: 'quarantine_lifted',
        combo: 'a',
        detail: { scope: 'base', failures: 2, reason: 'success' },
      },
    ]);
    expect(pool.state.quarantines.size).toBe(0);
  });

  it('but goes on with it when that runner dies before', () => {
    const pool = loadedAgain();
    pool.tick(9_999);
    pool.exited('r3');
    expect(quarantineOf(pool, 'base a#r1').failures).toBe(3);
  });

  it('when the operator lifts it, of the base and the combo', () => {
    const pool = failedOften(2);
    strike(pool.state, { scope: 'combo', combo: pool.combo('a+x') }, BROKEN, pool.nowMs, []);
    const notes = pool.notes(() => expect(pool.lift('o1', 'a+x')).toEqual(['answer o1 lifted true']));
    expect(notes.map(({ combo, detail }) => [combo, detail?.['reason']])).toEqual([['a', 'operator']]);
    expect(pool.state.quarantines.size).toBe(0);
    expect(pool.lift('o2', 'a+x')).toEqual(['answer o2 lifted false']);
    expect(pool.arrive('q3', 'a')).toEqual(['spawn r3 a']);
  });

  it('for one start by an order to warm; its failure counts on', () => {
    const pool = failedOften(2);
    expect(pool.warm('o1', 'a')).toEqual(['spawn r3 a']);
    expect(pool.exited('r3')).toEqual(['answer o1 start_failed']);
    expect(quarantineOf(pool, 'base a#r1').failures).toBe(3);
    expect(pool.arrive('q3', 'a')).toEqual(['reject q3 quarantined']);
  });

  it('when the catalogue has another revision of what failed', () => {
    const pool = failedOften(2);
    const next = catalogueOf([model('a', { revision: 'r2' }), model('b')], [adapter('x', 'a')]);
    const [note] = pool.notes(() => pool.change(next));
    expect(note).toMatchObject({ note: 'quarantine_lifted', detail: { reason: 'catalogue' } });
    expect(pool.arrive('q3', 'a')).toEqual(['spawn r3 a']);
  });

  it('when the catalogue has another revision of its adapter, and keeps what did not change', () => {
    const pool = failedOften(2);
    for (const name of ['a+x', 'a+y'])
      strike(pool.state, { scope: 'combo', combo: pool.combo(name) }, BROKEN, 0, []);
    pool.change(catalogueOf([model('a')], [adapter('x', 'a', { revision: 'a2' }), adapter('y', 'a')]));
    expect([...pool.state.quarantines.keys()]).toEqual(['base a#r1', 'a+y#r1.a1']);
  });

  it('by forgetting it when nothing more failed for the cap since it was over', () => {
    const pool = failedOften(2, { quarantineCapMs: 5000 });
    const { untilMs } = quarantineOf(pool, 'base a#r1');
    pool.nowMs = untilMs + 4999;
    expect(pool.notes(() => pool.tick(0))).toEqual([]);
    expect(pool.notes(() => pool.tick(1))[0]).toMatchObject({ detail: { reason: 'forgotten' } });
    failStart(pool, 'r3');
    expect(quarantineOf(pool, 'base a#r1').failures).toBe(1);
  });

  it('without a note when it was but one failure', () => {
    const pool = failedOften(1);
    expect(pool.notes(() => pool.lift('o1', 'a'))).toEqual([]);
    expect(pool.state.quarantines.size).toBe(0);
  });

  it('with a note when it was one that no retry helps', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    pool.failed('r1', PERMANENT);
    expect(pool.notes(() => pool.lift('o1', 'a'))).toHaveLength(1);
  });
});

describe('decide(), when a combo cannot be attached,', () => {
  function failedAttaches(name: string): PoolDriver {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2']) {
      expect(pool.arrive(id, name)).toEqual([`attach r1 ${name}`]);
      pool.attachFailed('r1', name);
    }
    return pool;
  }

  it('quarantines that combo after the second failure; its base and other adapters go on', () => {
    const pool = failedAttaches('a+x');
    expect(pool.arrive('q3', 'a+x')).toEqual(['reject q3 quarantined']);
    expect(pool.arrive('q4', 'a')).toEqual(['grant q4 r1 warm']);
    expect(pool.arrive('q5', 'a+y')).toEqual(['attach r1 a+y']);
  });

  it('forgets the failures when it is ready', () => {
    const pool = failedAttaches('a+x');
    pool.nowMs = quarantineOf(pool, 'a+x#r1.a1').untilMs;
    pool.arrive('q3', 'a+x');
    expect(pool.notes(() => pool.ready('r1', 'a+x'))[0]).toMatchObject({
      note: 'quarantine_lifted',
      combo: 'a+x',
      detail: { scope: 'combo', failures: 2, reason: 'success' },
    });
  });

  it('says the longer of the two times when its base is quarantined, too', () => {
    const pool = failedAttaches('a+x');
    const own = quarantineOf(pool, 'a+x#r1.a1');
    pool.exited('r1');
    strike(pool.state, { scope: 'base', model: pool.combo('a').model }, PERMANENT, 0, []);
    const [byBase] = pool.rejections(() => pool.arrive('q3', 'a+x'));
    expect(byBase?.retryAfterMs).toBe(300_000);
    pool.state.quarantines.set('base a#r1', {
      ...quarantineOf(pool, 'base a#r1'),
      untilMs: own.untilMs - 1,
    });
    const [byCombo] = pool.rejections(() => pool.arrive('q4', 'a+x'));
    expect(byCombo?.retryAfterMs).toBe(Math.ceil(own.untilMs));
  });

  it('quarantines one whose attach takes too long', () => {
    const pool = new PoolDriver({ startTimeoutMs: 1000 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    pool.tick(1000);
    expect(quarantineOf(pool, 'a+x#r1.a1').failure.code).toBe('start_timed_out');
  });

  it('remembers a thousand that failed, the latest', () => {
    const pool = new PoolDriver();
    for (let at = 0; at <= 1000; at += 1) {
      const combo = pool.combo(`a+x@0.${String(at).padStart(4, '0')}1`);
      strike(pool.state, { scope: 'combo', combo }, BROKEN, 0, []);
    }
    const keys = [...pool.state.quarantines.keys()];
    expect(keys).toHaveLength(1000);
    expect(keys[0]).toContain('0.00011');
  });
});

describe('decide(), when what is pinned is quarantined,', () => {
  it('starts it again when that is over, not when the pin would', () => {
    const pool = new PoolDriver();
    strike(pool.state, { scope: 'base', model: pool.combo('a').model }, PERMANENT, 0, []);
    pool.pin('p1', 'a');
    expect(pool.state.runners.size).toBe(0);
    expect(pool.tick(299_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['spawn r1 a']);
  });
});
