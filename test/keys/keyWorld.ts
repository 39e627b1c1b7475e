import type { Catalogue } from '../../gateway/domain/catalogue.ts';
import { KeyAccess } from '../../gateway/shell/keys/keyAccess.ts';
import { KeyBook } from '../../gateway/shell/keys/keyBook.ts';
import { KeyRing } from '../../gateway/shell/keys/keyRing.ts';
import { KeySecrets } from '../../gateway/shell/keys/keySecrets.ts';
import { InProcessSpendBook } from '../../gateway/shell/keys/spendBook.ts';
import { MemoryKeyStore } from '../fakes/memoryKeyStore.ts';

/** The real keys over a store in memory, on a clock that stands until it is moved on. */
export interface KeyWorld {
  readonly access: KeyAccess;
  readonly book: KeyBook;
  readonly ring: KeyRing;
  readonly store: MemoryKeyStore;
  readonly spend: InProcessSpendBook;
  readonly clock: { nowMonoMs: number; nowEpochMs: number };
  pass(ms: number): void;
}

export function keyWorld(
  catalogue: Catalogue,
  servesAnonymous = true,
  store = new MemoryKeyStore(),
): KeyWorld {
  const now = { nowMonoMs: 1_000_000, nowEpochMs: Date.UTC(2027, 0, 15, 12) };
  const clock = { monoMs: () => now.nowMonoMs, epochMs: () => now.nowEpochMs };
  const secrets = new KeySecrets('the data directory’s own');
  const ring = new KeyRing(secrets);
  const spend = new InProcessSpendBook();
  const world: KeyWorld = {
    ring,
    store,
    spend,
    clock: now,
    book: new KeyBook({ ring, secrets, store, catalogue: () => catalogue, clock }),
    access: new KeyAccess({
      ring,
      spend,
      clock,
      servesAnonymous,
    }),
    pass(ms) {
      now.nowMonoMs += ms;
      now.nowEpochMs += ms;
    },
  };
  return world;
}
