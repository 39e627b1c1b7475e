import { expect } from 'vitest';
import type { FixedStart, PoolEffect } from '../../gateway/pool/effects.ts';

type GrantEffect = Extract<PoolEffect, { type: 'grant' }>;

/** What was promised of starts, and who shares them: each start once in all. */
export class StartBooks {
  readonly #indices = new Map<string, Set<number>>();
  readonly #sizes = new Map<string, number>();

  granted({ runnerId, kind, joined, share }: GrantEffect, promised: FixedStart | null): void {
    if (promised) expect({ runnerId, kind, joined }).toEqual(startOf(promised));
    expect(kind === 'warm' && joined, 'joined no start').toBe(false);
    if (share === null) return;
    const { startId, of, index } = share;
    const indices = this.#indices.get(startId) ?? new Set();
    expect(indices.has(index), `two have share ${index} of start ${startId}`).toBe(false);
    this.#indices.set(startId, indices.add(index));
    expect(of).toBe(this.#sizes.get(startId) ?? of);
    this.#sizes.set(startId, of);
    expect(index).toBeLessThan(of);
    expect(kind).not.toBe('warm');
    // Who began it names it.
    if (!joined) expect(index).toBe(0);
  }
}

function startOf({ runnerId, kind, joined }: FixedStart): Omit<FixedStart, 'share' | 'deviceBytes'> {
  return { runnerId, kind, joined };
}
