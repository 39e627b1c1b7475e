import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import type { RunnerId, SegmentKey } from '../../gateway/domain/ids.ts';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import type { Agenda } from './agenda.ts';
import type { SimulatedProcess } from './processes.ts';
import { isLocked, lostFile } from './sharedFiles.ts';

type Told = Extract<PoolEffect, { type: 'stageSegment' | 'dropSegment' }>;

/** The weight store as other gateways of the host use it, too: what is ordered comes about after a while, or does not. */
export class StoreSide {
  /** What is there, or on its way there. */
  readonly #bytes = new Map<SegmentKey, { readonly book: string; readonly bytes: number }>();
  readonly #staged = new Set<SegmentKey>();
  readonly #tell: (event: PoolEvent) => void;
  readonly #agenda: Agenda;
  readonly #random: () => number;
  readonly #processes: ReadonlyMap<RunnerId, SimulatedProcess>;

  constructor(
    tell: (event: PoolEvent) => void,
    agenda: Agenda,
    random: () => number,
    processes: ReadonlyMap<RunnerId, SimulatedProcess>,
  ) {
    this.#processes = processes;
    this.#tell = tell;
    this.#agenda = agenda;
    this.#random = random;
  }

  #later(act: () => void): void {
    this.#agenda.in(1 + this.#random() * 300, act);
  }

  /** It is there, or on its way there. */
  has(key: SegmentKey): boolean {
    return this.#bytes.has(key);
  }

  isComing(key: SegmentKey): boolean {
    return this.#bytes.has(key) && !this.#staged.has(key);
  }

  isStaged(key: SegmentKey): boolean {
    return this.#staged.has(key);
  }

  /** How a start of the base from nothing is called. */
  kindOf(model: CatalogueModel | null): 'staged' | 'cold' {
    return model?.segment && this.#staged.has(model.segment) ? 'staged' : 'cold';
  }

  /** What is wrong with the order; null: nothing. */
  perform(effect: Told, state: PoolState): string | null {
    if (!state.store) return 'orders of a store that there is none of';
    return effect.type === 'stageSegment' ? this.#stage(effect, state) : this.#drop(effect, state);
  }

  #stage({ entry }: Extract<Told, { type: 'stageSegment' }>, { store }: PoolState): string | null {
    const { segment: key, weightBytes: bytes } = entry;
    const book = 'base' in entry ? 'adapters' : 'bases';
    if (this.#bytes.has(key)) return null;
    this.#bytes.set(key, { book, bytes });
    let held = 0;
    for (const one of this.#bytes.values()) if (one.book === book) held += one.bytes;
    if (held > (store?.budgets[book] ?? 0)) return `stages past the budget of ${book}`;
    this.#later(() => {
      if (this.#random() < 0.1) return this.#lose(key);
      this.#staged.add(key);
      this.#tell({ type: 'segmentStaged', key, contentId: `content of ${key}`, tookMs: 100 });
      // Another gateway of the host may drop what this one has.
      if (this.#random() < 0.1)
        this.#later(() => {
          if (this.#staged.has(key) && !isLocked(this.#processes, key)) this.#lose(key);
        });
    });
    return null;
  }

  #lose(key: SegmentKey): void {
    this.#bytes.delete(key);
    this.#staged.delete(key);
    lostFile(this.#processes, key);
    this.#tell({ type: 'segmentLost', key });
  }

  #drop({ key }: Extract<Told, { type: 'dropSegment' }>, state: PoolState): string | null {
    for (const runner of state.runners.values()) {
      const { model, combos } = runner;
      // What is let go for one start may be needed by the next one of the same event: that reads it anew.
      const isBegun = runner.state === 'starting' || runner.state === 'loading';
      if (isBegun && runner.sinceMs === this.#agenda.nowMs) continue;
      if (model?.segment === key) return 'drops the segment of a runner';
      for (const slot of combos.values())
        if (
          slot.state === 'attaching' &&
          slot.sinceMs < this.#agenda.nowMs &&
          slot.combo.adapters.some(({ adapter }) => adapter.segment === key)
        )
          return `drops a segment that ${slot.combo.name} is attached from`;
    }
    this.#bytes.delete(key);
    this.#staged.delete(key);
    this.#later(() => this.#tell({ type: 'segmentDropped', key, isGone: true }));
    return null;
  }
}
