import { unavailability } from '../domain/availability.ts';
import { weightFileOf } from '../domain/catalogue.ts';
import { type Combo, parseCombo } from '../domain/combo.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import { type ComboName, comboName } from '../domain/ids.ts';
import { partsOf } from '../domain/splitFiles.ts';
import { pinnedRows } from '../pool/fit.ts';
import { holdersOf } from '../pool/holders.ts';
import type { Keep } from '../pool/keeps.ts';
import { isStaged, stageablesOf } from '../pool/segments.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { PinRow, PinStore } from '../ports/pinStore.ts';
import type { PageCache } from './pageCache.ts';
import type { PinControl, PinOrder, PinView } from './pinControl.ts';
import type { PoolLoop } from './poolLoop.ts';

export interface PinDeps {
  readonly pool: PoolLoop;
  readonly store: PinStore;
  readonly pages: PageCache;
  readonly clock: Clock;
  readonly log: Log;
}

/** The operator's pins: the pool keeps them, the store remembers them. */
export class PinBook implements PinControl {
  readonly #deps: PinDeps;
  readonly #rows = new Map<ComboName, PinRow>();

  constructor(deps: PinDeps) {
    this.#deps = deps;
  }

  /** Gives the pool the pins of the gateway's earlier lives; those whose time is over are forgotten. */
  async restore(): Promise<void> {
    const { store, pool, clock } = this.#deps;
    const nowEpochMs = clock.epochMs();
    for (const row of await store.load()) {
      if (row.untilEpochMs !== null && row.untilEpochMs <= nowEpochMs) await store.delete(row.combo);
      else this.#rows.set(comboName(row.combo), row);
    }
    const pins = [...this.#rows].map(([name, { level, count, untilEpochMs }]) => {
      return { name, level, count, untilMs: this.#monoMs(untilEpochMs) };
    });
    pool.dispatch({ type: 'pinsRestored', pins });
  }

  list(): readonly PinView[] {
    const names = new Set([
      ...this.#rows.keys(),
      ...[...this.#keeps().values()].map(({ combo }) => combo.name),
    ]);
    return [...names].map((name) => this.#view(name));
  }

  get(name: ComboName): PinView | null {
    const isThere = this.#rows.has(name) || this.#keepOf(name) !== undefined;
    return isThere ? this.#view(name) : null;
  }

  async put(combo: Combo, { level, count, untilEpochMs }: PinOrder): Promise<Result<PinView>> {
    const { pool, store, clock } = this.#deps;
    const untilMs = this.#monoMs(untilEpochMs);
    const before = this.#rows.get(combo.name);
    const pinned = await pool.order({ type: 'pinAsked', combo, level, count, untilMs });
    if (!pinned.ok) return pinned;
    const createdAtEpochMs = before?.createdAtEpochMs ?? clock.epochMs();
    const row: PinRow = { combo: combo.name, level, count, untilEpochMs, createdAtEpochMs };
    this.#rows.set(combo.name, row);
    try {
      await store.put(row);
    } catch (cause) {
      // What is not on disk would be lost by a restart: the pin is as it was.
      await this.#takeBack(combo, before);
      return fail('internal', `Cannot pin "${combo.name}": ${messageOf(cause)}`);
    }
    return ok(this.#view(combo.name));
  }

  async remove(name: ComboName): Promise<Result<unknown>> {
    const { pool, store } = this.#deps;
    if (!this.#rows.has(name)) return fail('not_found', `Cannot unpin "${name}": it is not pinned`);
    try {
      await store.delete(name);
    } catch (cause) {
      return fail('internal', `Cannot unpin "${name}": ${messageOf(cause)}`);
    }
    this.#rows.delete(name);
    return pool.order({ type: 'unpinAsked', combo: name });
  }

  /** The pool wants the combo's files where a start reads them fastest. */
  stage(name: ComboName): void {
    const { catalogue, store } = this.#deps.pool.state;
    const combo = parseCombo(name, [], catalogue);
    if (!combo.ok || unavailability(combo.value, store !== null)) return;
    const { model, adapters } = combo.value;
    const entries = [model, ...adapters.map(({ adapter }) => adapter)];
    this.#deps.pages.read(
      name,
      entries.flatMap((entry) => partsOf(weightFileOf(entry))),
    );
  }

  /** The pin's time is over. */
  ended(name: ComboName): void {
    this.#rows.delete(name);
    this.#deps.store.delete(name).catch((error: Error) => {
      this.#deps.log.warn({ combo: name, error: error.message }, 'ended pin could not be forgotten');
    });
  }

  async #takeBack(combo: Combo, before: PinRow | undefined): Promise<void> {
    const { pool } = this.#deps;
    if (!before) {
      this.#rows.delete(combo.name);
      await pool.order({ type: 'unpinAsked', combo: combo.name });
      return;
    }
    this.#rows.set(combo.name, before);
    const { level, count, untilEpochMs } = before;
    await pool.order({ type: 'pinAsked', combo, level, count, untilMs: this.#monoMs(untilEpochMs) });
  }

  #view(name: ComboName): PinView {
    const { pool, pages, clock } = this.#deps;
    const row = this.#rows.get(name);
    const keep = this.#keepOf(name);
    const known = parseCombo(name, [], pool.state.catalogue);
    const slots = known.ok ? holdersOf(pool.state, known.value).map(({ slot }) => slot.state) : [];
    const ready = slots.filter((state) => state === 'ready').length;
    const count = Math.max(row?.count ?? 0, keep?.count ?? 0);
    const level = row?.level ?? 'ready';
    const isThere = level === 'ready' ? ready >= count : this.#isStaged(name, pages);
    const retryInMs = keep && !isThere ? Math.max(0, Math.round(keep.retryAtMs - clock.monoMs())) : 0;
    return {
      combo: name,
      level,
      count,
      untilEpochMs: row?.untilEpochMs ?? null,
      createdAtEpochMs: row?.createdAtEpochMs ?? null,
      source: row ? 'api' : 'file',
      state: known.ok ? (isThere ? level : 'restoring') : 'unknown',
      ready,
      starting: slots.filter((state) => state === 'wanted' || state === 'attaching').length,
      bytes: pinnedRows(pool.state).find(({ combo }) => combo === name)?.bytes ?? 0,
      lastError: keep?.lastFailure?.message ?? null,
      retryInMs: retryInMs > 0 ? retryInMs : null,
    };
  }

  /** In the weight store, or read through where there is none. */
  #isStaged(name: ComboName, pages: PageCache): boolean {
    const { state } = this.#deps.pool;
    if (!state.store) return pages.has(name);
    const combo = parseCombo(name, [], state.catalogue);
    return combo.ok && stageablesOf(combo.value).every((entry) => isStaged(state, entry));
  }

  #keeps(): PoolLoop['state']['keeps'] {
    return this.#deps.pool.state.keeps;
  }

  #keepOf(name: ComboName): Keep | undefined {
    return [...this.#keeps().values()].find(({ combo }) => combo.name === name);
  }

  #monoMs(epochMs: number | null): number {
    const { clock } = this.#deps;
    return epochMs === null ? Number.POSITIVE_INFINITY : clock.monoMs() + (epochMs - clock.epochMs());
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
