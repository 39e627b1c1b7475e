import { describe, expect, test } from 'vitest';
import { FREE, type PriceBook } from '../../gateway/domain/prices.ts';
import { PriceList } from '../../gateway/shell/priceList.ts';
import { MemoryPriceStore } from '../fakes/memoryPriceStore.ts';

const clock = { monoMs: () => 0, epochMs: () => 1_700_000_000_000 };
const costing = (inputPerMillion: number): PriceBook => ({ ...FREE, default: { inputPerMillion } });

async function listOver(store: MemoryPriceStore): Promise<PriceList> {
  const list = new PriceList(store, clock);
  await list.restore();
  return list;
}

describe('PriceList', () => {
  test('is free until prices are set, and finds them again', async () => {
    const store = new MemoryPriceStore();
    const list = await listOver(store);
    expect(list.current()).toMatchObject({ version: 0, book: FREE });
    await list.set(costing(1), 'api');
    expect((await listOver(store)).current()).toMatchObject({ version: 1, book: costing(1), author: 'api' });
  });

  test('keeps what the admin API has set over a restart with the same file', async () => {
    const store = new MemoryPriceStore();
    const first = await listOver(store);
    await first.configured(costing(1));
    await first.set(costing(2), 'api');
    const second = await listOver(store);
    expect(await second.configured(costing(1))).toMatchObject({ version: 2, book: costing(2) });
    expect(await second.configured(costing(3))).toMatchObject({ version: 3, book: costing(3) });
    expect(await second.configured(null)).toMatchObject({ version: 3 });
  });

  test('makes one version of several equal orders at once', async () => {
    const store = new MemoryPriceStore();
    const list = await listOver(store);
    await Promise.all([1, 1, 2, 2].map((price) => list.set(costing(price), 'api')));
    expect(store.versions.map(({ version }) => version)).toEqual([1, 2]);
  });

  test('keeps the old prices when the new ones cannot be stored', async () => {
    const store = new MemoryPriceStore();
    const list = await listOver(store);
    store.add = () => Promise.reject(new Error('no disk'));
    await expect(list.set(costing(1), 'api')).rejects.toThrow('no disk');
    expect(list.current().version).toBe(0);
  });
});
