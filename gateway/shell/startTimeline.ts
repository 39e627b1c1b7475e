import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { PhaseInterval } from '../domain/phases.ts';

interface RunnerTimes {
  /** When the start began: the spawn, or the claim of a standby. */
  beganMonoMs: number;
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
    this.#runners.set(id, {
      beganMonoMs: nowMonoMs,
      upMonoMs: null,
      loadedMonoMs: null,
      fraction: 0,
      combos: new Map(),
    });
  }

  /** It came up, and loaded its base if it has one, before anybody here waited for it. */
  adopted(id: RunnerId, hasBase: boolean, nowMonoMs: number): void {
    this.#runners.set(id, {
      beganMonoMs: nowMonoMs,
      upMonoMs: nowMonoMs,
      loadedMonoMs: hasBase ? nowMonoMs : null,
      fraction: hasBase ? 1 : 0,
      combos: new Map(),
    });
  }

  /** What the process did before, as a standby, is part of nobody's start. */
  claimed(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) times.beganMonoMs = nowMonoMs;
  }

  /** What it held before it slept is part of nobody's start. */
  waking(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) Object.assign(times, { beganMonoMs: nowMonoMs, loadedMonoMs: null, fraction: 0 });
  }

  asleep(id: RunnerId): void {
    this.#runners.get(id)?.combos.clear();
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
    const { beganMonoMs, upMonoMs, loadedMonoMs } = times;
    add('spawn', beganMonoMs, upMonoMs);
    add('load', upMonoMs === null ? null : Math.max(beganMonoMs, upMonoMs), loadedMonoMs);
    const combo = times.combos.get(key);
    add('attach', combo?.orderedMonoMs, combo?.attachedMonoMs);
    add('context', combo?.attachedMonoMs, combo?.readyMonoMs);
    return intervals;
  }
}
