import { describe, expect, it } from 'vitest';
import { runnerId } from '../../gateway/domain/ids.ts';
import { judgeAdoption } from '../../gateway/pool/adoption.ts';
import { model } from './builders.ts';
import { CATALOGUE, NEITHER, PoolDriver } from './driver.ts';

const keyOf = (name: string): string => new PoolDriver().combo(name).key;
const A = keyOf('a');
const AX = keyOf('a+x');
const AY = keyOf('a+y@0.5');

describe('judgeAdoption()', () => {
  it('takes a runner whose base is current, with the combos that are current', () => {
    const pool = new PoolDriver();
    expect(pool.judge('r9', 'a', [A, AX, AY])).toMatchObject({
      ok: true,
      combos: [{ combo: { name: 'a' } }, { combo: { name: 'a+x' } }, { combo: { name: 'a+y@0.5' } }],
      stale: [],
    });
  });

  it('leaves what is of another revision, gone, or no key at all to be detached', () => {
    const pool = new PoolDriver();
    const stale = [AX.replace('a1', 'a0'), 'a+gone#r1.a1', 'nonsense', ''];
    expect(pool.judge('r9', 'a', [A, ...stale])).toMatchObject({
      combos: [{ combo: { name: 'a' } }],
      stale,
    });
  });

  it('leaves what is over the limit of combos to be detached', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 2 });
    expect(pool.judge('r9', 'a', [A, AX, AY])).toMatchObject({ stale: [AY] });
  });

  it.each([
    ['whose base was replaced', 'a', { revision: 'r0' }, /was replaced: it holds r0, not r1/],
    ['whose base is gone', 'nope', {}, /not in the catalogue/],
  ])('refuses one %s', (_, base, held, reason) => {
    const verdict = new PoolDriver().judge('r9', base, [], held);
    expect(verdict).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });

  it('refuses a second one of a base, one more than the limit, and any when the gateway ends', () => {
    const pool = new PoolDriver({ maxRunners: 2 });
    pool.adopt('r8', 'a', [A]);
    expect(pool.judge('r9', 'a', [A])).toMatchObject({ reason: expect.stringContaining('enough other') });
    pool.adopt('r9', 'b', []);
    expect(pool.judge('r7', 'c', [])).toMatchObject({ reason: expect.stringContaining('at most 2') });
    const ending = new PoolDriver();
    ending.shutDown();
    expect(ending.judge('r9', 'a', [])).toMatchObject({ ok: false });
  });
});

describe('judgeAdoption() of one without a base', () => {
  const judge = (pool: PoolDriver, isLoading = false) =>
    judgeAdoption(pool.state, {
      ...NEITHER,
      runnerId: runnerId('r_t_9'),
      isLoading,
      model: null,
      combos: [],
    });

  it('takes it as a standby while one is missing, and a start claims it', () => {
    const pool = new PoolDriver({ standbys: 1 });
    expect(judge(pool)).toEqual({ ok: true, as: 'standby', device: null });
    expect(pool.tell({ type: 'standbyAdopted', runnerId: runnerId('r_t_9'), device: null })).toEqual([]);
    expect(pool.stateOf('r9')).toBe('standby');
    expect(judge(pool)).toMatchObject({ reason: expect.stringContaining('1 standbys, expected at most 1') });
    expect(pool.arrive('q1', 'a')).toEqual(['claim r9 a', 'load r9 4']);
  });

  it('refuses one whose load was under way', () => {
    expect(judge(new PoolDriver({ standbys: 1 }), true)).toMatchObject({
      reason: expect.stringContaining('still under way'),
    });
  });
});

describe('decide() on an adopted runner', () => {
  it('grants what comes as warm', () => {
    const pool = new PoolDriver();
    expect(pool.adopt('r9', 'a', [A, AX])).toEqual([]);
    expect(pool.stateOf('r9')).toBe('ready');
    expect(pool.arrive('q1', 'a+x')).toEqual(['grant q1 r9 warm', 'threads r9 4']);
    expect(pool.arrive('q2', 'a')).toEqual(['grant q2 r9 warm']);
  });

  it('attaches on it what it does not hold', () => {
    const pool = new PoolDriver();
    pool.adopt('r9', 'a', []);
    expect(pool.arrive('q1', 'a')).toEqual(['attach r9 a']);
    expect(pool.ready('r9', 'a')).toEqual(['grant q1 r9 attach', 'threads r9 4']);
  });

  it('grants no more than the sequences that the runner was loaded with', () => {
    const pool = new PoolDriver();
    pool.adopt('r9', 'a', [A], { sequences: 1 });
    expect(pool.arrive('q1', 'a')).toContain('grant q1 r9 warm');
    expect(pool.arrive('q2', 'a')).toEqual([]);
    expect(pool.end('q1')).toEqual(['grant q2 r9 warm']);
  });

  it('is not asked to adopt one whose base somebody waits for', () => {
    const pool = new PoolDriver({ maxRunners: 2 });
    pool.arrive('q1', 'b');
    pool.arrive('q2', 'c');
    expect(pool.arrive('q3', 'a+x')).toEqual([]);
    expect(pool.judge('r9', 'a', [AX])).toMatchObject({ ok: false });
    expect(pool.exited('r1')).toContain('spawn r3 a');
    expect(pool.judge('r9', 'a', [AX])).toMatchObject({ ok: false });
  });

  it('lets its combos and then itself go by their ttl', () => {
    const catalogue = { ...CATALOGUE, models: new Map([[model('a').id, model('a', { idleTtlMs: 1000 })]]) };
    const pool = new PoolDriver({}, catalogue);
    pool.adopt('r9', 'a', [A]);
    expect(pool.tick(999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stop r9 idle 10000']);
  });

  it('stops it when the gateway ends', () => {
    const pool = new PoolDriver();
    pool.adopt('r9', 'a', [A]);
    expect(pool.shutDown()).toEqual(['stop r9 shutdown 10000']);
  });
});
