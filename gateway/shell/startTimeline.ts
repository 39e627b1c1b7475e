import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { PhaseInterval } from '../domain/phases.ts';

interface RunnerTimes {
  /** null: by an earlier gateway. */
  readonly spawnedMonoMs: number | null;
  upMonoMs: number | null;
  loadedMonoMs: number | null;
  /** 0 to 1 of the load. */
  fraction: number;
  readonly combos: Map<ComboKey, ComboTimes>;
}

interface ComboTimes {
  readonly orderedMonoMs: number;
  /** End of the attach proper; the context's making follows. */
  attachedMonoMs: number | null;
  readyMonoMs: number | null;
}

/** When the phases of every living runner's starts began and ended, on the monotonic clock. */
export class StartTimeline {
  readonly #runners = new Map<RunnerId, RunnerTimes>();

  spawned(id: RunnerId, nowMonoMs: number): void {
    this.#begin(id, nowMonoMs, 0);
  }

  /** It came with its base: nobody here waited for that. */
  adopted(id: RunnerId): void {
    this.#begin(id, null, 1);
  }

  up(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) times.upMonoMs = nowMonoMs;
  }

  progress(id: RunnerId, fraction: number): void {
    const times = this.#runners.get(id);
    if (times) times.fraction = fraction;
  }

  loaded(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) times.loadedMonoMs = nowMonoMs;
  }

  attachOrdered(id: RunnerId, key: ComboKey, nowMonoMs: number): void {
    this.#runners.get(id)?.combos.set(key, {
      orderedMonoMs: nowMonoMs,
      attachedMonoMs: null,
      readyMonoMs: null,
    });
  }

  /** The runner says how its time split between attaching and the context; the order's own cost goes to attach. */
  attached(id: RunnerId, key: ComboKey, contextMs: number, hasAdapters: boolean, nowMonoMs: number): void {
    const times = this.#runners.get(id)?.combos.get(key);
    if (!times) return;
    times.readyMonoMs = nowMonoMs;
    times.attachedMonoMs = hasAdapters
      ? Math.max(times.orderedMonoMs, nowMonoMs - contextMs)
      : times.orderedMonoMs;
  }

  detached(id: RunnerId, key: ComboKey): void {
    this.#runners.get(id)?.combos.delete(key);
  }

  gone(id: RunnerId): void {
    this.#runners.delete(id);
  }

  #begin(id: RunnerId, spawnedMonoMs: number | null, fraction: number): void {
    this.#runners.set(id, {
      spawnedMonoMs,
      upMonoMs: null,
      loadedMonoMs: null,
      fraction,
      combos: new Map(),
    });
  }

  /** 0 to 1 of what the combo's start has done of its load; null when nothing is known. */
  fraction(id: RunnerId): number | null {
    return this.#runners.get(id)?.fraction ?? null;
  }

  /** The phases of the combo's start on that runner so far; what still runs ends now. */
  intervals(id: RunnerId, key: ComboKey, nowMonoMs: number): PhaseInterval[] {
    const times = this.#runners.get(id);
    if (!times) return [];
    const intervals: PhaseInterval[] = [];
    const add = (
      phase: PhaseInterval['phase'],
      from: number | null | undefined,
      to: number | null | undefined,
    ) => {
      if (from === null || from === undefined) return;
      const endMonoMs = to ?? nowMonoMs;
      if (endMonoMs > from) intervals.push({ phase, startMonoMs: from, endMonoMs });
    };
    add('spawn', times.spawnedMonoMs, times.upMonoMs);
    add('load', times.upMonoMs, times.loadedMonoMs);
    const combo = times.combos.get(key);
    add('attach', combo?.orderedMonoMs, combo?.attachedMonoMs);
    add('context', combo?.attachedMonoMs, combo?.readyMonoMs);
    return intervals;
  }
}
