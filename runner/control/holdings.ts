import type { FromRunner, HeldCombo, RunnerModel } from '../protocol/control.ts';

/** What the runner holds by order of its gateways, as the next one is told. */
export class Holdings {
  readonly #combos = new Map<string, HeldCombo>();
  /** A load is under way. */
  isLoading = false;
  #model: RunnerModel | null = null;
  #weightBytes = 0;
  #threads = 0;
  #device: string | null = null;
  /** null: it is awake. */
  #keptBytes: number | null = null;

  /** What the gateway calls the process's device. */
  greeted(device: string | null): void {
    this.#device = device;
  }

  loaded(model: RunnerModel, weightBytes: number): void {
    this.#model = model;
    this.#weightBytes = weightBytes;
    this.#threads = model.threads;
    this.#keptBytes = null;
  }

  /** With as many sequences as the model gives a combo at first. */
  attached(combo: Omit<HeldCombo, 'sequences'>): void {
    this.#combos.set(combo.combo, { ...combo, sequences: this.#model?.sequences ?? 1 });
  }

  /** On the device it has as much of its bytes as before. */
  resized(combo: Omit<HeldCombo, 'onDevice'>): void {
    const before = this.#combos.get(combo.combo);
    this.#combos.set(combo.combo, { ...combo, onDevice: before ? scaled(before, combo) : null });
  }

  detached(combo: string): void {
    this.#combos.delete(combo);
  }

  /** All but so many mapped bytes of the base's file is given back. */
  asleep(keptBytes: number): void {
    this.#combos.clear();
    this.#keptBytes = keptBytes;
  }

  threadsSet(threads: number): void {
    this.#threads = threads;
  }

  /** The message about it, but for what the process and its engine are. */
  describe(): Omit<Extract<FromRunner, { type: 'adopted' }>, 'pid' | 'engine'> {
    return {
      type: 'adopted',
      isLoading: this.isLoading,
      device: this.#device,
      isAsleep: this.#keptBytes !== null,
      keptBytes: this.#keptBytes ?? 0,
      model: this.#model,
      weightBytes: this.#weightBytes,
      threads: this.#threads,
      combos: [...this.#combos.values()],
    };
  }
}

function scaled(before: HeldCombo, now: Pick<HeldCombo, 'kvBytes' | 'computeBytes'>): HeldCombo['onDevice'] {
  const { onDevice, kvBytes, computeBytes } = before;
  if (onDevice === null || kvBytes + computeBytes === 0) return onDevice;
  const factor = (now.kvBytes + now.computeBytes) / (kvBytes + computeBytes);
  return { ...onDevice, contextBytes: Math.round(onDevice.contextBytes * factor) };
}
