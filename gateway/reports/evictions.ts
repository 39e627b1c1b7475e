import type { Eviction, OwnStart } from '../domain/reportFigures.ts';
import type { Row } from './figures.ts';
import type { Column } from './table.ts';

interface Account {
  readonly what: Eviction['what'];
  readonly name: string;
  evictions: number;
  evictedBytes: number;
  reloads: number;
  reloadMs: number;
  reloadBytes: number;
}

/**
 * What gave way for want of room, and what it took to get it back: of a base the first start after the eviction that loads it
 * again, of a combo the first attach. The most costly ones first. Both lists from the oldest. docs/reports.md, "Evictions".
 */
export function evictionRows(
  evictions: readonly Eviction[],
  starts: readonly OwnStart[],
  limit: number,
): Row[] {
  const accounts = new Map<string, Account>();
  const gone = new Map<string, Account>();
  let next = 0;
  const startsBefore = (untilEpochMs: number) => {
    for (let start = starts[next]; start && start.arrivedAtEpochMs < untilEpochMs; start = starts[++next])
      countReload(start, gone);
  };
  for (const eviction of evictions) {
    startsBefore(eviction.atEpochMs);
    const account = accountOf(accounts, eviction);
    account.evictions += 1;
    account.evictedBytes += eviction.bytes;
    gone.set(keyOf(eviction.what, eviction.name), account);
  }
  startsBefore(Infinity);
  return [...accounts.values()].sort(byCost).slice(0, limit).map(rowOf);
}

const keyOf = (what: Eviction['what'], name: string): string => `${what} ${name}`;

function accountOf(accounts: Map<string, Account>, { what, name }: Eviction): Account {
  const key = keyOf(what, name);
  const none = { evictions: 0, evictedBytes: 0, reloads: 0, reloadMs: 0, reloadBytes: 0 };
  const account = accounts.get(key) ?? { what, name, ...none };
  accounts.set(key, account);
  return account;
}

/** A start brings back its combo, and its base unless it found that: an attach is no reload of the base. */
function countReload(start: OwnStart, gone: Map<string, Account>): void {
  const isAttach = start.kind === 'attach';
  const combo = keyOf('combo', start.combo);
  const base = keyOf('base', start.base ?? '');
  const account = gone.get(isAttach ? combo : base);
  if (account) {
    account.reloads += 1;
    account.reloadMs += start.tookMs;
    account.reloadBytes += start.stagedBytes + start.uploadBytes;
  }
  gone.delete(combo);
  if (!isAttach) gone.delete(base);
}

function byCost(a: Account, b: Account): number {
  return (
    b.reloadMs - a.reloadMs ||
    b.evictions - a.evictions ||
    b.evictedBytes - a.evictedBytes ||
    (keyOf(a.what, a.name) < keyOf(b.what, b.name) ? -1 : 1)
  );
}

/** The log does not say which start needed a segment: nothing is known of its reloads. */
function rowOf({ what, name, evictions, evictedBytes, reloads, reloadMs, reloadBytes }: Account): Row {
  const isKnown = what !== 'segment';
  return {
    what,
    name,
    evictions,
    evicted_bytes: evictedBytes,
    reloads: isKnown ? reloads : null,
    reload_ms: isKnown ? Math.round(reloadMs * 1000) / 1000 : null,
    reload_bytes: isKnown ? reloadBytes : null,
  };
}

export function evictionColumns(): Column[] {
  return ['what', 'name', 'evictions', 'evicted_bytes', 'reloads', 'reload_ms', 'reload_bytes'].map(
    (name) => [name],
  );
}
