import { describe, expect, it } from 'vitest';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { PoolDriver } from './driver.ts';
import { dropped, found, lost, poolWith, staged } from './inStore.ts';

describe('decide() with a weight store', () => {
  it('stages a base that is not there with its start, which is cold', () => {
    const pool = poolWith(5000);
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
    pool.up('r1');
    staged(pool, 'sa');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toContain('grant q1 r1 cold');
  });

  it('stages adapters with the base, and alone on a runner that has it', () => {
    const pool = poolWith(5000);
    expect(pool.arrive('q1', 'a+x')).toEqual(['stage a demand', 'stage x demand', 'spawn r1 a']);
    const other = poolWith(5000);
    other.bring('r1', 'a');
    expect(other.arrive('q2', 'a+x')).toEqual(['stage x demand', 'attach r1 a+x']);
  });

  it('calls a start from the store staged, and stages nothing', () => {
    const pool = poolWith(5000);
    const found = { key: segmentKey('sa'), contentId: 'one', book: 'bases', bytes: 1000 } as const;
    pool.tell({ type: 'segmentsFound', segments: [found] });
    expect(pool.arrive('q1', 'a')).toEqual(['spawn r1 a']);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toContain('grant q1 r1 staged');
  });

  it('has who joins a staged start call it staged, too', () => {
    const pool = poolWith(5000);
    const found = { key: segmentKey('sa'), contentId: 'one', book: 'bases', bytes: 1000 } as const;
    pool.tell({ type: 'segmentsFound', segments: [found] });
    pool.arrive('q1', 'a');
    pool.arrive('q2', 'a');
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toEqual(['grant q1 r1 staged', 'grant q2 r1 staged joined']);
  });

  it('drops what nobody uses for what is to be staged, what was used longest ago first', () => {
    const pool = poolWith(2500);
    const segments = ['sa', 'sb'].map((key) => {
      return { key: segmentKey(key), contentId: key, book: 'bases', bytes: 1000 } as const;
    });
    pool.tell({ type: 'segmentsFound', segments });
    pool.nowMs = 10;
    pool.bring('r1', 'b');
    expect(pool.arrive('q', 'c')).toEqual(['drop sa', 'stage c demand', 'spawn r2 c']);
  });

  it('drops nothing that a runner maps: what has no room is read from its source', () => {
    const pool = poolWith(1500);
    pool.arrive('q1', 'a');
    pool.up('r1');
    staged(pool, 'sa');
    expect(pool.arrive('q2', 'b')).toEqual(['spawn r2 b']);
  });

  it('drops what is staged and not used when runners need the memory', () => {
    const pool = poolWith(5000, { memoryBytes: 2500 });
    pool.tell({
      type: 'segmentsFound',
      segments: [{ key: segmentKey('sc'), contentId: 'c', book: 'bases', bytes: 1000 }],
    });
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
    expect(pool.arrive('q2', 'b')).toEqual(['stage b demand', 'spawn r2 b', 'drop sc']);
  });

  it('takes what could not be dropped for staged again', () => {
    const pool = poolWith(1500);
    pool.tell({
      type: 'segmentsFound',
      segments: [{ key: segmentKey('sc'), contentId: 'c', book: 'bases', bytes: 1000 }],
    });
    pool.arrive('q1', 'a');
    pool.tell({ type: 'segmentDropped', key: segmentKey('sc'), isGone: false });
    pool.arrive('q2', 'c');
    pool.up('r2');
    pool.loaded('r2');
    expect(pool.ready('r2', 'c')).toContain('grant q2 r2 staged');
  });

  it('calls a start cold again when what was staged is not there any more, and stages it anew', () => {
    const pool = poolWith(5000);
    pool.tell({
      type: 'segmentsFound',
      segments: [{ key: segmentKey('sa'), contentId: 'a', book: 'bases', bytes: 1000 }],
    });
    pool.tell({ type: 'segmentLost', key: segmentKey('sa') });
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
    pool.up('r1');
    pool.loaded('r1');
    expect(pool.ready('r1', 'a')).toContain('grant q1 r1 cold');
  });

  it('counts a segment that is mapped under the name of an equal file as the runner\u2019s', () => {
    const pool = poolWith(5000, { memoryBytes: 2100 });
    pool.tell({
      type: 'segmentsFound',
      segments: ['sa', 'sb'].map((key) => {
        return { key: segmentKey(key), contentId: 'equal', book: 'bases', bytes: 1000 } as const;
      }),
    });
    pool.tell({
      type: 'segmentsFound',
      segments: [{ key: segmentKey('sc'), contentId: 'c', book: 'bases', bytes: 1000 }],
    });
    expect(pool.arrive('q1', 'b')).toEqual(['spawn r1 b']);
  });

  it('keeps one segment for two bases of equal files', () => {
    const pool = poolWith(5000);
    pool.arrive('q1', 'a');
    staged(pool, 'sa', 'equal');
    pool.arrive('q2', 'b');
    staged(pool, 'sb', 'equal');
    expect(new Set(pool.state.store?.segments.values()).size).toBe(1);
  });

  it('stages what is pinned to be staged without a runner, and again when it is lost, after a while', () => {
    const pool = poolWith(5000);
    pool.pin('p', 'a+x', { level: 'staged' });
    expect(pool.tick(1)).toEqual(['stage a prefetch', 'stage x prefetch']);
    expect(pool.tick(1)).toEqual([]);
    pool.tell({ type: 'segmentLost', key: segmentKey('sa') });
    expect(pool.tick(1)).toEqual([]);
    pool.nowMs += 30_000;
    expect(pool.tick(1)).toEqual(['stage a prefetch']);
  });

  it('has a prefetch hurry when a request comes to wait for it', () => {
    const pool = poolWith(5000);
    pool.pin('p', 'a', { level: 'staged' });
    pool.tick(1);
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
  });

  it('keeps what is pinned to be staged when others need room', () => {
    const pool = poolWith(1500);
    pool.pin('p', 'a', { level: 'staged' });
    pool.tick(1);
    staged(pool, 'sa');
    expect(pool.arrive('q1', 'b')).toEqual(['spawn r1 b']);
  });
});

describe('what is told of the weight store', () => {
  it('is in the event log: what was staged and how long that took, what was lost, what is dropped', () => {
    const pool = poolWith(1000);
    pool.pin('p', 'a', { level: 'staged' });
    pool.tick(0);
    const detail = { key: 'sa', book: 'bases', bytes: 1000, tookMs: 100 };
    expect(pool.notes(() => staged(pool, 'sa'))).toEqual([{ type: 'note', note: 'segment_staged', detail }]);
    // Once is enough.
    expect(pool.notes(() => staged(pool, 'sa'))).toEqual([]);
    expect(pool.notes(() => lost(pool, 'sa'))).toEqual([
      { type: 'note', note: 'segment_lost', detail: { key: 'sa' } },
    ]);
    expect(pool.notes(() => lost(pool, 'sa'))).toEqual([]);
    found(pool, ['sb']);
    pool.unpin('u', 'a');
    expect(pool.notes(() => pool.arrive('q', 'c'))).toContainEqual({
      type: 'note',
      note: 'segment_dropped',
      detail: { key: 'sb', book: 'bases', bytes: 1000 },
    });
  });

  it('of which there is none changes nothing', () => {
    const pool = new PoolDriver();
    expect([found(pool, ['sa']), staged(pool, 'sa'), lost(pool, 'sa'), dropped(pool, 'sa', false)]).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  it('and is not of the books changes nothing', () => {
    const pool = poolWith(5000);
    expect(staged(pool, 'sa')).toEqual([]);
    expect(dropped(pool, 'sa', false)).toEqual([]);
    expect(pool.arrive('q', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
  });

  it('by others does not make readable what this gateway is staging', () => {
    const pool = poolWith(5000);
    pool.pin('p', 'a', { level: 'staged' });
    pool.tick(0);
    found(pool, ['sa']);
    expect(pool.arrive('q', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
  });

  it('gives equal files one segment, whichever was known first', () => {
    const pool = poolWith(5000);
    pool.arrive('q', 'a');
    found(pool, ['sb'], 'equal');
    staged(pool, 'sa', 'equal');
    expect(new Set(pool.state.store?.segments.values()).size).toBe(1);
  });
});

describe('a segment that was ordered to be dropped', () => {
  it('has gone, and is staged anew for the next start', () => {
    const pool = poolWith(1500);
    found(pool, ['sc']);
    pool.arrive('q1', 'a');
    dropped(pool, 'sc', true);
    pool.gone('q1');
    pool.exited('r1');
    staged(pool, 'sa');
    expect(pool.arrive('q2', 'c')).toEqual(['drop sa', 'stage c demand', 'spawn r2 c']);
  });

  it('and could not be is not taken for the one that is being staged anew since', () => {
    const pool = poolWith(1500);
    found(pool, ['sc']);
    pool.arrive('q1', 'a');
    pool.gone('q1');
    pool.exited('r1');
    staged(pool, 'sa');
    expect(pool.arrive('q2', 'c')).toEqual(['drop sa', 'stage c demand', 'spawn r2 c']);
    dropped(pool, 'sc', false);
    expect(pool.killed('r2')).toEqual(['stage c demand', 'spawn r3 c']);
  });
});

it('decide() stages no base that is in no segment', () => {
  expect(poolWith(5000).arrive('q', 'd')).toEqual(['spawn r1 d']);
});
