import { describe, expect, it } from 'vitest';
import { freeBytes } from '../../gateway/pool/memory.ts';
import { PoolDriver } from './driver.ts';

describe('decide(), when a runner hangs,', () => {
  it('stops it at once and serves who waits by a new start; what runs is ended by the shell', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
    expect(pool.hung('r1')).toEqual(['stop r1 hung 0', 'spawn r2 a']);
    expect(pool.end('q1')).toEqual([]);
    expect(pool.exited('r1')).toEqual([]);
    expect(pool.hung('r1')).toEqual([]);
  });

  it('does not wait for the grace of one that was to end and does not', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    expect(pool.arrive('q1', 'b')).toEqual(['stop r1 evicted 10000']);
    const notes = pool.notes(() => expect(pool.hung('r1')).toEqual(['stop r1 hung 0']));
    expect(notes).toMatchObject([{ note: 'runner_hung', detail: { state: 'stopping', base: 'a' } }]);
    expect(pool.stateOf('r1')).toBe('stopping');
    expect(pool.exited('r1')).toEqual(['spawn r2 b']);
  });

  for (const [cause, sign] of [
    ['silent', 'no answer to a health probe'],
    ['stalled', 'no step of a decode that is under way'],
  ] as const) {
    it(`answers who waited for its start, and says by what it was found: ${cause}`, () => {
      const pool = new PoolDriver();
      pool.arrive('q1', 'a');
      pool.up('r1');
      const message = `Cannot start "a": runner hangs, ${sign} for 6000 ms`;
      const [rejection] = pool.rejections(() => pool.hung('r1', cause, 5999.6));
      expect(rejection).toMatchObject({ code: 'start_failed', message });
    });
  }

  it('leaves a note of the hang and what it was, then that it failed', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    const notes = pool.notes(() => pool.hung('r1', 'stalled', 60_000.4));
    expect(notes.map(({ note }) => note)).toEqual(['runner_hung', 'runner_failed', 'runner_stopping']);
    expect(notes[0]?.detail).toEqual({ cause: 'stalled', forMs: 60_000, state: 'ready', base: 'a' });
    expect(notes[2]?.detail).toEqual({ reason: 'hung', base: 'a' });
  });

  it('counts a standby as lost', () => {
    const pool = new PoolDriver({ standbys: 1 });
    pool.tick(0);
    pool.up('r1');
    const notes = pool.notes(() => pool.hung('r1'));
    expect(notes.find(({ note }) => note === 'standby_lost')?.detail).toMatchObject({
      message: 'Cannot start a standby: runner hangs, no answer to a health probe for 6000 ms',
    });
    expect(notes[0]?.detail).toMatchObject({ base: null });
  });

  it('ends one that drains, with what runs on it', () => {
    const pool = new PoolDriver();
    pool.bring('r1', 'a');
    pool.arrive('runs', 'a');
    pool.shutDown();
    expect(pool.hung('r1')).toEqual(['stop r1 hung 0']);
  });
});

describe('decide(), when a runner hangs during an attach,', () => {
  it('counts what the combo takes until the process has gone', () => {
    const pool = new PoolDriver({ maxRunners: 1 });
    pool.bring('r1', 'a');
    pool.arrive('q1', 'a+x');
    pool.gone('q1');
    const before = freeBytes(pool.state);
    expect(pool.hung('r1')).toEqual(['stop r1 hung 0']);
    expect(freeBytes(pool.state)).toBe(before);
    pool.exited('r1');
    expect(freeBytes(pool.state)).toBe(pool.state.settings.memoryBytes);
  });
});
