import { describe, expect, it } from 'vitest';
import { segmentKey } from '../../gateway/domain/ids.ts';
import { adapter, catalogueOf, model } from './builders.ts';
import { PoolDriver } from './driver.ts';

const WHY = 'Cannot read "https://weights.example/a.gguf": the connection was refused';
const sound = catalogueOf([model('a', { minRunners: 1 }), model('b')], [adapter('z', 'b')]);
const missing = catalogueOf(
  [model('a', { minRunners: 1, revision: 'none', unavailable: WHY }), model('b')],
  [adapter('z', 'b', { revision: 'none', unavailable: WHY })],
);

describe('decide() starts nothing of which nothing is known', () => {
  it('for an order to warm, which is told why', () => {
    const pool = new PoolDriver({}, missing);
    for (const name of ['a', 'b+z']) {
      const [answer] = pool.answers(() => pool.warm('w', name));
      expect(answer).toMatchObject({ ok: false, error: { code: 'source_unavailable' } });
      expect(answer?.ok === false && answer.error.message).toContain(WHY);
    }
    expect(pool.warm('w', 'b')).toEqual(['spawn r1 b']);
  });

  it('for an order to warm what is behind a URI, unless there is a weight store to bring it here', () => {
    const remote = catalogueOf([
      model('a', { path: 'https://weights.example/a.gguf', segment: segmentKey('sa') }),
    ]);
    expect(new PoolDriver({}, remote).warm('w', 'a')).toEqual(['answer w source_unavailable']);
    const store = { bases: 5000, adapters: 0 };
    expect(new PoolDriver({ store }, remote).warm('w', 'a')).toEqual(['stage a demand', 'spawn r1 a']);
  });

  it('to keep it ready, until its source is back', () => {
    const pool = new PoolDriver({}, missing);
    pool.pin('p', 'b+z');
    expect(pool.tell({ type: 'tick' })).toEqual([]);
    expect(pool.state.keeps.size).toBe(0);
    expect(pool.tell({ type: 'catalogueChanged', catalogue: sound })).toEqual(['spawn r1 b', 'spawn r2 a']);
  });

  it('because it is likely to be asked for', () => {
    const pool = new PoolDriver({}, missing);
    const likely = ['a', 'b+z', 'b'].map((name) => ({ combo: pool.combo(name), chance: 0.9 }));
    expect(pool.tell({ type: 'demandExpected', likely, budgetBytes: 1e9, horizonMs: 1000 })).toEqual([
      'spawn r1 b',
    ]);
  });
});
