import { segmentKey } from '../../gateway/domain/ids.ts';
import type { SegmentBook } from '../../gateway/pool/segments.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const SIZED = { weightBytes: 1000 };

/** Bases a, b, c and e of 1000 bytes in sa, sb, sc and se, d in no segment; adapters of 10 bytes: u, v, x of a in su, sv, sx. */
export const CATALOGUE = catalogueOf(
  [
    ...['a', 'b', 'c', 'e'].map((id) => model(id, { ...SIZED, segment: segmentKey(`s${id}`) })),
    model('d', SIZED),
  ],
  ['u', 'v', 'x'].map((id) => adapter(id, 'a', { segment: segmentKey(`s${id}`) })),
);

/** A store with room for so many bytes of bases, and for one adapter. */
export function poolWith(bases: number, settings: Partial<PoolSettings> = {}): PoolDriver {
  return new PoolDriver({ store: { bases, adapters: 15 }, maxRunners: 3, ...settings }, CATALOGUE);
}

export function staged(
  pool: PoolDriver,
  key: string,
  contentId = `content of ${key}`,
  tookMs: number | null = 100,
): string[] {
  return pool.tell({ type: 'segmentStaged', key: segmentKey(key), contentId, tookMs });
}

/** These are there from before: what is in each is given, or is its own. */
export function found(pool: PoolDriver, keys: readonly string[], contentId?: string): string[] {
  const segments = keys.map((key) => {
    const book: SegmentBook = ['su', 'sv', 'sx'].includes(key) ? 'adapters' : 'bases';
    const bytes = book === 'bases' ? 1000 : 10;
    return { key: segmentKey(key), contentId: contentId ?? `content of ${key}`, book, bytes };
  });
  return pool.tell({ type: 'segmentsFound', segments });
}

export function dropped(pool: PoolDriver, key: string, isGone: boolean): string[] {
  return pool.tell({ type: 'segmentDropped', key: segmentKey(key), isGone });
}

export function lost(pool: PoolDriver, key: string): string[] {
  return pool.tell({ type: 'segmentLost', key: segmentKey(key) });
}

/** Stages it for a pin that is gone then: nobody uses it. It took so long; null: somebody else has staged it. */
export function prefetch(pool: PoolDriver, name: string, tookMs: number | null): void {
  pool.pin(`pin ${name}`, name, { level: 'staged' });
  pool.tick(0);
  staged(pool, `s${name.split('+').at(-1)}`, undefined, tookMs);
  pool.unpin(`unpin ${name}`, name);
}
