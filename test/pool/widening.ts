import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import type { PoolSettings } from '../../gateway/pool/settings.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const A = { sequences: 1, maxSequences: 4, maxRunners: 2, weightBytes: 7 };
export const catalogue = (changes: Partial<CatalogueModel> = {}): ReturnType<typeof catalogueOf> =>
  catalogueOf([model('a', { ...A, ...changes }), model('b')], [adapter('x', 'a')]);

/** `a` is ready on r1, where one request runs and two wait. Its context takes 2 + 1 bytes, its base 7. */
export function hot(settings: Partial<PoolSettings> = {}, changes: Partial<CatalogueModel> = {}): PoolDriver {
  const pool = new PoolDriver({ panicWindowMs: 100, ...settings }, catalogue(changes));
  pool.bring('r1', 'a');
  for (const id of ['q1', 'q2', 'q3']) pool.arrive(id, 'a');
  // The averages begin.
  pool.tick(0);
  return pool;
}

/** The same, and widened to two sequences; the context before has gone. */
export function widened(
  settings: Partial<PoolSettings> = {},
  changes: Partial<CatalogueModel> = {},
): PoolDriver {
  const pool = hot(settings, changes);
  pool.tick(500);
  pool.resized('r1', 'a', 2);
  pool.retired('r1', 'a', 2);
  return pool;
}

/** The requests that run and wait end. */
export function coolDown(pool: PoolDriver): void {
  for (const id of ['q1', 'q2', 'q3']) pool.end(id);
}
