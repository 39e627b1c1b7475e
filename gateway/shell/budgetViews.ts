import { freeBytes } from '../pool/memory.ts';
import type { SegmentBook } from '../pool/segments.ts';
import type { PoolState } from '../pool/state.ts';

/** Memory that the pool may use, and how much of it is taken or promised. */
export interface BudgetView {
  readonly kind: 'host' | 'device' | 'store';
  /** `memory` for the host's, a device's name, or a book of the weight store. */
  readonly name: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
}

const BOOKS: readonly SegmentBook[] = ['bases', 'adapters'];

/** The host's first, then devices, then the weight store's, which is part of the host's. */
export function budgetViews(state: PoolState): BudgetView[] {
  const limitBytes = state.settings.memoryBytes;
  const host: BudgetView = {
    kind: 'host',
    name: 'memory',
    usedBytes: limitBytes - freeBytes(state),
    limitBytes,
  };
  const devices = [...state.devices.values()].map(({ name, budgetBytes }): BudgetView => {
    const usedBytes = budgetBytes - freeBytes(state, name);
    return { kind: 'device', name, usedBytes, limitBytes: budgetBytes };
  });
  return [host, ...devices, ...storeViews(state)];
}

function storeViews({ store }: PoolState): BudgetView[] {
  if (!store) return [];
  return BOOKS.map((book) => {
    const held = new Set([...store.segments.values(), ...store.leaving.values()]);
    let usedBytes = 0;
    for (const segment of held) if (segment.book === book) usedBytes += segment.bytes;
    return { kind: 'store', name: book, usedBytes, limitBytes: store.budgets[book] };
  });
}
