import { describe, expect, it } from 'vitest';
import { type DeviceName, deviceName, segmentKey } from '../../gateway/domain/ids.ts';
import { catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';
import { CATALOGUE, found, lost, poolWith, prefetch, staged } from './inStore.ts';

describe('room in the store for a base', () => {
  it('is made of the one that is soonest there again, as measured, whichever was used last', () => {
    const pool = poolWith(2500);
    prefetch(pool, 'a', 5000);
    pool.nowMs = 10;
    prefetch(pool, 'b', 100);
    expect(pool.arrive('q', 'c')).toEqual(['drop sb', 'stage c demand', 'spawn r1 c']);
  });

  it('is made of one of which nobody measured how long it takes before one that took a tenth of a second', () => {
    const pool = poolWith(2500);
    prefetch(pool, 'a', 100);
    pool.nowMs = 10;
    found(pool, ['sb']);
    expect(pool.arrive('q', 'c')).toEqual(['drop sb', 'stage c demand', 'spawn r1 c']);
  });

  it('is made of the one that was used longest ago of those that nobody here has staged', () => {
    const pool = poolWith(2500);
    prefetch(pool, 'b', null);
    pool.nowMs = 10;
    prefetch(pool, 'a', null);
    expect(pool.arrive('q', 'c')).toEqual(['drop sb', 'stage c demand', 'spawn r1 c']);
    const other = poolWith(2500);
    found(other, ['sa']);
    other.nowMs = 10;
    prefetch(other, 'b', null);
    expect(other.arrive('q', 'c')).toEqual(['drop sa', 'stage c demand', 'spawn r1 c']);
  });

  it('is made of one that no start has used before one that a start has', () => {
    const pool = poolWith(2500);
    found(pool, ['sa', 'sb']);
    pool.nowMs = 10;
    pool.arrive('q1', 'a');
    pool.gone('q1');
    pool.exited('r1');
    expect(pool.arrive('q2', 'c')).toContain('drop sb');
  });

  it('is reckoned with everything in its directory, beside the weights', () => {
    const [small, large] = [1000, 1200].map((filesBytes) => {
      const base = model('m', { weightBytes: 900, filesBytes, segment: segmentKey('sm') });
      const pool = new PoolDriver(
        { store: { bases: 1100, adapters: 0 }, maxRunners: 1 },
        catalogueOf([base]),
      );
      return pool.arrive('q', 'm');
    });
    expect(small).toEqual(['stage m demand', 'spawn r1 m']);
    expect(large).toEqual(['spawn r1 m']);
  });

  it('is made of as many as are needed, to the byte', () => {
    const pool = poolWith(2000);
    found(pool, ['sa', 'sb']);
    expect(pool.arrive('q', 'c')).toEqual(['drop sa', 'stage c demand', 'spawn r1 c']);
    const exact = poolWith(1000);
    found(exact, ['sa']);
    expect(exact.arrive('q', 'c')).toEqual(['drop sa', 'stage c demand', 'spawn r1 c']);
    const free = poolWith(2000);
    found(free, ['sa']);
    expect(free.arrive('q', 'c')).toEqual(['stage c demand', 'spawn r1 c']);
  });

  it('is made of nothing that is being staged, though nobody waits for that any more', () => {
    const pool = poolWith(1500);
    pool.pin('p', 'a', { level: 'staged' });
    pool.tick(0);
    pool.unpin('u', 'a');
    expect(pool.arrive('q', 'b')).toEqual(['spawn r1 b']);
  });

  it('leaves the others where they are, and takes all names of equal files from what goes', () => {
    const pool = poolWith(2000);
    found(pool, ['sa', 'sb'], 'equal');
    found(pool, ['sc']);
    expect(pool.arrive('q1', 'c')).toEqual(['spawn r1 c']);
    expect(pool.arrive('q2', 'e')).toEqual(['drop sa', 'stage e demand', 'spawn r2 e']);
    expect(pool.arrive('q3', 'b')).toEqual(['spawn r3 b']);
    pool.up('r3');
    pool.loaded('r3');
    expect(pool.ready('r3', 'b')).toContain('grant q3 r3 cold');
    expect(pool.killed('r1')).toContain('spawn r4 c');
    expect(pool.state.store?.segments.size).toBe(2);
  });
});

describe('room in the store for an adapter', () => {
  it('is not made of one that is attached or is to be, but of one that is there already', () => {
    const wanted = poolWith(5000);
    expect(wanted.arrive('q1', 'a+x')).toContain('stage x demand');
    staged(wanted, 'sx');
    expect(wanted.arrive('q2', 'a+u')).toEqual([]);
    wanted.up('r1');
    expect(wanted.loaded('r1')).toEqual(['attach r1 a+x', 'attach r1 a+u']);
    expect(wanted.arrive('q3', 'a+v')).toEqual(['attach r1 a+v']);
    const ready = poolWith(5000);
    ready.bring('r1', 'a+x');
    staged(ready, 'sx');
    expect(ready.arrive('q2', 'a+u')).toEqual(['drop sx', 'stage u demand', 'attach r1 a+u']);
  });

  it('is not made of a base, nor of another adapter of the same combo', () => {
    const pool = poolWith(5000);
    found(pool, ['sa', 'sb', 'sx']);
    expect(pool.arrive('q1', 'a+x+u')).toEqual(['spawn r1 a']);
  });

  it('is not made by how long bases took', () => {
    const pool = poolWith(1000, { store: { bases: 1000, adapters: 25 } });
    prefetch(pool, 'a', 5000);
    prefetch(pool, 'a+x', 20);
    expect(pool.arrive('q1', 'b')).toEqual(['drop sa', 'stage b demand', 'spawn r1 b']);
    prefetch(pool, 'a+u', 1);
    expect(pool.arrive('q2', 'a+v')).toEqual(['drop su', 'stage v demand', 'spawn r2 a']);
  });
});

describe('what the store holds, when runners need host memory,', () => {
  it('stays where it fits beside them, and what they map counts once', () => {
    const pool = poolWith(5000, { memoryBytes: 3040 });
    found(pool, ['sc']);
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
    expect(pool.arrive('q2', 'b')).toEqual(['stage b demand', 'spawn r2 b']);
    expect(pool.arrive('q3', 'a+x')).toContain('drop sc');
  });

  it('goes as far as it is needed, with what a runner on a device reads counted', () => {
    const onDevice = catalogueOf(
      [...CATALOGUE.models.values()].map((one) => (one.id === 'a' ? { ...one, deviceLayers: -1 } : one)),
    );
    const pool = poolWith(5000, { memoryBytes: 2500, deviceBytes: { CUDA0: 5000 } });
    pool.change(onDevice);
    found(pool, ['sb', 'sc', 'sa']);
    pool.arrive('q1', 'a');
    expect(pool.stateOf('r1')).toBe('starting');
    expect([...(pool.state.store?.segments.keys() ?? [])]).toEqual(['sc', 'sa']);
  });

  it('is looked at where standbys are, which hold none of it', () => {
    const pool = poolWith(5000, { memoryBytes: 1500, standbys: 1 });
    found(pool, ['sa', 'sb']);
    expect(pool.tick(0)).toEqual(['spawn r1 standby', 'drop sa']);
  });
});

describe('a pin to have something staged', () => {
  it('is kept again half a minute after that was lost, to the millisecond, and not while the gateway ends', () => {
    const pool = poolWith(5000);
    pool.pin('p', 'a', { level: 'staged' });
    expect(pool.tick(0)).toEqual(['stage a prefetch']);
    lost(pool, 'sa');
    expect(pool.tick(29_999)).toEqual([]);
    expect(pool.tick(1)).toEqual(['stage a prefetch']);
    const ends = poolWith(5000);
    ends.pin('p', 'a', { level: 'staged' });
    ends.shutDown();
    expect(ends.tick(0)).toEqual([]);
  });

  it('does nothing while its model is not in the catalogue, or there is no store', () => {
    const pool = poolWith(5000);
    pool.pin('p', 'a', { level: 'staged' });
    pool.change(catalogueOf([]));
    expect(pool.tick(0)).toEqual([]);
    const none = new PoolDriver({}, CATALOGUE);
    none.pin('p', 'a', { level: 'staged' });
    expect(none.tick(0)).toEqual([]);
  });

  it('is another one than that to have it ready, whose start brings what it needs', () => {
    const pool = poolWith(5000);
    expect(pool.pin('p', 'a')).toEqual(['answer p pinned', 'stage a demand', 'spawn r1 a']);
    pool.up('r1');
    pool.loaded('r1');
    pool.ready('r1', 'a');
    lost(pool, 'sa');
    expect(pool.tick(60_000)).toEqual([]);
  });
});

describe('an order to stage', () => {
  const onDevices = (device: DeviceName | null): PoolDriver => {
    const pool = poolWith(5000, { deviceBytes: { CUDA0: 1500, CUDA1: 5000 } });
    const models = [...CATALOGUE.models.values()].map((one) => ({ ...one, deviceLayers: -1, device }));
    pool.change(catalogueOf(models, [...CATALOGUE.adapters.values()]));
    return pool;
  };
  const CUDA0 = deviceName('CUDA0');

  it('says on which device the runner is that it is for, of adapters, too', () => {
    const pool = onDevices(null);
    expect(pool.arrive('q1', 'a+x')).toEqual([
      'stage a demand on CUDA1',
      'stage x demand on CUDA1',
      'spawn r1 a on CUDA1',
    ]);
    const bound = onDevices(CUDA0);
    bound.bring('r1', 'a');
    expect(bound.arrive('q1', 'a+x')).toContain('stage x demand on CUDA0');
  });

  it('says it before there is a runner where the model is bound to the device', () => {
    const bound = onDevices(CUDA0);
    bound.pin('p', 'a', { level: 'staged' });
    expect(bound.tick(0)).toEqual(['stage a prefetch on CUDA0']);
    const free = onDevices(null);
    free.pin('p', 'a', { level: 'staged' });
    expect(free.tick(0)).toEqual(['stage a prefetch']);
  });

  it('says none for a model that stays in host memory', () => {
    const pool = onDevices(CUDA0);
    const models = [...CATALOGUE.models.values()].map((one) => ({ ...one, deviceLayers: 0, device: CUDA0 }));
    pool.change(catalogueOf(models, [...CATALOGUE.adapters.values()]));
    expect(pool.arrive('q1', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
    pool.pin('p', 'b', { level: 'staged' });
    expect(pool.tick(0)).toContain('stage b prefetch');
  });
});
