import { describe, expect, it } from 'vitest';
import { fixedStart, startOutlook } from '../../gateway/pool/queries.ts';
import { PoolDriver } from './driver.ts';

describe('decide()', () => {
  it('starts a runner for a combo that nobody holds, and grants it as cold', () => {
    const pool = new PoolDriver();
    expect(pool.arrive('q1', 'a+x')).toEqual(['spawn r1 a']);
    expect(pool.up('r1')).toEqual(['load r1 4']);
    expect(pool.loaded('r1')).toEqual(['attach r1 a+x']);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q1 r1 cold']);
  });

  it('grants a ready combo as warm', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'a')).toEqual(['grant q1 r1 warm']);
  });

  it('attaches another combo to the runner of its base', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'a+x')).toEqual(['attach r1 a+x']);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q1 r1 attach']);
  });

  it('attaches the bare base to a runner that holds it only with adapters', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a+x');
    expect(pool.arrive('q1', 'a')).toEqual(['attach r1 a']);
  });

  it('tells scales and sets of adapters apart', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 9 });
    pool.bring('r1', 'a+x');
    expect(pool.arrive('q1', 'a+x@0.5')).toEqual(['attach r1 a+x@0.5']);
    expect(pool.arrive('q2', 'a+x+y')).toEqual(['attach r1 a+x+y']);
    expect(pool.arrive('q3', 'a+y+x')).toEqual([]);
  });

  it('joins an in-flight cold start for the same combo', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    expect(pool.arrive('q2', 'a')).toEqual([]);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 cold', 'grant q2 r1 cold joined']);
  });

  it('lets one foresee whether a request would begin a start, join one or find its combo ready', () => {
    const pool = new PoolDriver();
    const outlook = () => startOutlook(pool.state, pool.combo('a+x'));
    expect(outlook()).toBe('own');
    pool.arrive('q1', 'a+x');
    expect(outlook()).toBe('joined');
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a+x');
    expect(outlook()).toBe('none');
    expect(startOutlook(pool.state, pool.combo('a'))).toBe('own');
  });

  it('joins an in-flight attach for the same combo', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    pool.arrive('q2', 'a+x');
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q1 r1 attach', 'grant q2 r1 attach joined']);
  });

  it('lets another combo join the start of its base', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    expect(pool.arrive('q2', 'a+x')).toEqual([]);
    pool.up('r1');
    expect(pool.loaded('r1')).toEqual(['attach r1 a', 'attach r1 a+x']);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q2 r1 cold joined']);
  });

  it('grants no more than the sequences, and the next when one ends, in the order of arrival', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    expect(pool.arrive('q3', 'a')).toEqual([]);
    expect(pool.arrive('q4', 'a')).toEqual([]);
    expect(pool.end('q2')).toEqual(['grant q3 r1 warm']);
    expect(pool.end('q1')).toEqual(['grant q4 r1 warm']);
  });

  it('goes on with a start whose client has left, for the next one', () => {
    const pool = new PoolDriver();
    pool.arrive('q1', 'a');
    expect(pool.gone('q1')).toEqual([]);
    pool.up('r1');
    expect(pool.loaded('r1')).toEqual(['attach r1 a']);
    pool.arrive('q2', 'a');
    expect(pool.ready('r1', 'a')).toEqual(['grant q2 r1 cold joined']);
  });

  it('gives the first of those who waited for room the start, the others join', () => {
    const pool = new PoolDriver({ maxCombosPerRunner: 1 });
    pool.bring('r1', 'a');
    pool.arrive('busy', 'a');
    pool.arrive('q1', 'a+x');
    pool.arrive('q2', 'a+x');
    expect(pool.end('busy')).toEqual(['detach r1 a']);
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a+x']);
    expect(pool.ready('r1', 'a+x')).toEqual(['grant q1 r1 attach', 'grant q2 r1 attach joined']);
  });

  it('attaches a combo again that was asked for while it went', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a', 0);
    expect(pool.end('q1')).toEqual(['detach r1 a']);
    expect(pool.arrive('q2', 'a')).toEqual([]);
    expect(fixedStart(pool.state, 'q2')).toBeNull();
    expect(pool.detached('r1', 'a')).toEqual(['attach r1 a']);
    expect(pool.ready('r1', 'a')).toEqual(['grant q2 r1 attach']);
  });

  it('says how a waiting request will be served as soon as that is fixed', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    pool.arrive('q3', 'b');
    expect(fixedStart(pool.state, 'q1')).toMatchObject({ runnerId: 'r_t_1', kind: 'cold', joined: false });
    expect(fixedStart(pool.state, 'q2')).toMatchObject({ runnerId: 'r_t_1', kind: 'cold', joined: true });
    expect(fixedStart(pool.state, 'q3')).toBeNull();
    expect(fixedStart(pool.state, 'nobody')).toBeNull();
  });

  it('refuses a request when too many wait, for its combo or in all', () => {
    const pool = new PoolDriver({ queueLimit: 3, queueLimitPerCombo: 2 });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    expect(pool.arrive('q3', 'a')).toEqual(['reject q3 queue_full']);
    pool.arrive('q4', 'b');
    expect(pool.arrive('q5', 'c')).toEqual(['reject q5 queue_full']);
    pool.gone('q4');
    expect(pool.arrive('q6', 'c')).toEqual([]);
  });

  it('throws on an id that is in use, and changes nothing', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'b');
    expect(() => pool.arrive('q1', 'a')).toThrow('runs already');
    expect(() => pool.arrive('q2', 'a')).toThrow('waits already');
    expect(pool.state.waiting).toBe(1);
    expect(pool.end('q1')).toEqual([]);
  });

  it('ignores what it does not know', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const news of ['up', 'loaded'] as const) {
      expect(pool[news]('r1')).toEqual([]);
      expect(pool[news]('r9')).toEqual([]);
    }
    expect(pool.ready('r1', 'a')).toEqual([]);
    expect(pool.ready('r1', 'b')).toEqual([]);
    expect(pool.attachFailed('r1', 'a')).toEqual([]);
    expect(pool.detached('r1', 'a')).toEqual([]);
    expect(pool.end('nobody')).toEqual([]);
    expect(pool.gone('nobody')).toEqual([]);
    expect(pool.exited('r9')).toEqual([]);
    expect(pool.failed('r9')).toEqual([]);
  });
});
