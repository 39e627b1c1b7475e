import type { FromRunner, HeldCombo, RunnerModel } from '../protocol/control.ts';

/** What the runner holds by order of its gateways, as the next one is told. */
export class Holdings {
  readonly #combos = new Map<string, HeldCombo>();
  /** A load is under way. */
  isLoading = false;
  #model: RunnerModel | null = null;
  #weightBytes = 0;
  #threads = 0;

  loaded(model: RunnerModel, weightBytes: number): void {
    this.#model = model;
    this.#weightBytes = weightBytes;
    this.#threads = model.threads;
  }

  /** With as many sequences as the model gives a combo at first. */
  attached(combo: Omit<HeldCombo, 'sequences'>): void {
    this.#combos.set(combo.combo, { ...combo, sequences: this.#model?.sequences ?? 1 });
  }

  resized(combo: HeldCombo): void {
    this.#combos.set(combo.combo, combo);
  }

  detached(combo: string): void {
    this.#combos.delete(combo);
  }

  threadsSet(threads: number): void {
    this.#threads = threads;
  }

  /** The message about it, but for what the process and its engine are. */
  describe(): Omit<Extract<FromRunner, { type: 'adopted' }>, 'pid' | 'engine'> {
    return {
      type: 'adopted',
      isLoading: this.isLoading,
      model: this.#model,
      weightBytes: this.#weightBytes,
      threads: this.#threads,
      combos: [...this.#combos.values()],
    };
  }
}
