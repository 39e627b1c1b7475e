import { describe, expect, it } from 'vitest';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const SIZED = { weightBytes: 1000 };
const CATALOGUE = catalogueOf(
  [
    model('a', { ...SIZED, segment: segmentKey('sa') }),
    model('b', { ...SIZED, segment: segmentKey('sb') }),
    model('c', { ...SIZED, segment: segmentKey('sc') }),
  ],
  [adapter('x', 'a', { segment: segmentKey('sx') })],
);

function poolWith(bases: number, memoryBytes = 1e12): PoolDriver {
  return new PoolDriver({ store: { bases, adapters: 15 }, memoryBytes, maxRunners: 3 }, CATALOGUE);
}

const staged = (pool: PoolDriver, key: string, contentId = `content of ${key}`): string[] =>
  pool.tell({ type: 'segmentStaged', key: segmentKey(key), contentId, tookMs: 100 });

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
    const pool = poolWith(5000, 2500);
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
    const pool = poolWith(5000, 2100);
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
