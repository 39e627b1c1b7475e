import type { ComboKey, RunnerId } from '../domain/ids.ts';
import type { MonoInterval, PhaseInterval, StartKind } from '../domain/phases.ts';
import { type StartDetail, startDetail } from '../domain/startDetail.ts';
import { type UploadView, uploadDetail } from './uploadView.ts';
import type { FilePlace } from './weights/stagedFiles.ts';
import type { StageMeter, StageReading } from './weights/stageMeter.ts';

interface RunnerTimes {
  /** When the start began: the spawn, or the claim of a standby. */
  beganMonoMs: number;
  upMonoMs: number | null;
  /** Since when the base's file is on its way into the weight store; null: it was there, or there is none. */
  stagingMonoMs: number | null;
  stagedMonoMs: number | null;
  meter: StageMeter | null;
  /** Where the runner reads the base; null: not known, or not yet. */
  base: FilePlace | null;
  /** null: its last load has brought nothing to a device, or an earlier gateway ordered it. */
  upload: UploadView | null;
  loadedMonoMs: number | null;
  /** 0 to 1 of the load, without what was before it. */
  loadFraction: number;
  readonly combos: Map<ComboKey, ComboTimes>;
}

interface ComboTimes {
  readonly orderedMonoMs: number;
  /** At least one adapter had to be staged. */
  isStaged: boolean;
  readonly meters: Set<StageMeter>;
  /** Since when its adapters are where the runner reads them. */
  placedMonoMs: number | null;
  adapters: readonly FilePlace[];
  /** End of the attach proper; the context's making follows. */
  attachedMonoMs: number | null;
  readyMonoMs: number | null;
}

/** How far a start is. */
export interface StartProgress {
  /** 0 to 1 of staging and load; of an attach, of the staging of its adapters. */
  readonly fraction: number;
  /** What is on its way into the weight store; null: nothing is. */
  readonly staging: StageReading | null;
}

const NO_STAGING = { stagingMonoMs: null, stagedMonoMs: null, meter: null };

/** Of a start that has to stage its base first, so much of the whole: the load is the rest. */
const STAGING_SHARE = 0.9;

/** When the phases of every living runner's starts began and ended, on the monotonic clock. */
export class StartTimeline {
  readonly #runners = new Map<RunnerId, RunnerTimes>();

  spawned(id: RunnerId, nowMonoMs: number): void {
    this.#runners.set(id, {
      beganMonoMs: nowMonoMs,
      upMonoMs: null,
      ...NO_STAGING,
      base: null,
      upload: null,
      loadedMonoMs: null,
      loadFraction: 0,
      combos: new Map(),
    });
  }

  /** It came up, and loaded its base if it has one, before anybody here waited for it. */
  adopted(id: RunnerId, hasBase: boolean, nowMonoMs: number): void {
    this.#runners.set(id, {
      beganMonoMs: nowMonoMs,
      upMonoMs: nowMonoMs,
      ...NO_STAGING,
      base: null,
      upload: null,
      loadedMonoMs: hasBase ? nowMonoMs : null,
      loadFraction: hasBase ? 1 : 0,
      combos: new Map(),
    });
  }

  /** What the process did before, as a standby, is part of nobody's start. */
  claimed(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) times.beganMonoMs = nowMonoMs;
  }

  /** What it held before it slept is part of nobody's start. What it read from the store is there, for it holds the lease. */
  waking(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (!times) return;
    const { base } = times;
    const tier = base && (base.leasePath === null ? base.tier : 'memory');
    const again = { beganMonoMs: nowMonoMs, loadedMonoMs: null, loadFraction: 0 };
    Object.assign(times, again, NO_STAGING, { base: base && { ...base, tier, staged: null } });
  }

  asleep(id: RunnerId): void {
    this.#runners.get(id)?.combos.clear();
  }

  up(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) times.upMonoMs = nowMonoMs;
  }

  /** When the start of its base began; never, when nothing is known of it. */
  began(id: RunnerId): number {
    return this.#runners.get(id)?.beganMonoMs ?? Number.POSITIVE_INFINITY;
  }

  /** The start waits for the base's file to be staged. */
  staging(id: RunnerId, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) times.stagingMonoMs ??= nowMonoMs;
  }

  /** What tells how far that is. */
  stagingProgress(id: RunnerId, meter: StageMeter): void {
    const times = this.#runners.get(id);
    if (times) times.meter = meter;
  }

  /** The base is where the runner is to read it. */
  staged(id: RunnerId, place: FilePlace, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) Object.assign(times, { stagedMonoMs: nowMonoMs, base: place });
  }

  /** 0 to 1 of the load. */
  progress(id: RunnerId, fraction: number): void {
    const times = this.#runners.get(id);
    if (times) times.loadFraction = fraction;
  }

  loaded(id: RunnerId, upload: UploadView | null, nowMonoMs: number): void {
    const times = this.#runners.get(id);
    if (times) Object.assign(times, { loadedMonoMs: nowMonoMs, upload });
  }

  attachOrdered(id: RunnerId, key: ComboKey, nowMonoMs: number): void {
    this.#runners.get(id)?.combos.set(key, {
      orderedMonoMs: nowMonoMs,
      isStaged: false,
      meters: new Set(),
      placedMonoMs: null,
      adapters: [],
      attachedMonoMs: null,
      readyMonoMs: null,
    });
  }

  /** The attach waits for an adapter to be staged, and the meter tells how far that is. */
  adaptersStaging(id: RunnerId, key: ComboKey, meter: StageMeter): void {
    const times = this.#runners.get(id)?.combos.get(key);
    if (!times) return;
    times.isStaged = true;
    times.meters.add(meter);
  }

  /** All of the combo's adapters are where the runner is to read them. */
  adaptersPlaced(id: RunnerId, key: ComboKey, places: readonly FilePlace[], nowMonoMs: number): void {
    const times = this.#runners.get(id)?.combos.get(key);
    if (!times) return;
    times.placedMonoMs = nowMonoMs;
    times.adapters = places;
    if (places.some(({ wasAwaited }) => wasAwaited)) times.isStaged = true;
  }

  /** The runner says how its time split between attaching and the context; the order's own cost goes to attach. */
  attached(id: RunnerId, key: ComboKey, contextMs: number, hasAdapters: boolean, nowMonoMs: number): void {
    const times = this.#runners.get(id)?.combos.get(key);
    if (!times) return;
    const sentMonoMs = attachFrom(times) ?? times.orderedMonoMs;
    times.readyMonoMs = nowMonoMs;
    times.attachedMonoMs = hasAdapters ? Math.max(sentMonoMs, nowMonoMs - contextMs) : sentMonoMs;
  }

  detached(id: RunnerId, key: ComboKey): void {
    this.#runners.get(id)?.combos.delete(key);
  }

  gone(id: RunnerId): void {
    this.#runners.delete(id);
  }

  /** How its last load brought weights to a device; null: it brought none, or that is not known. */
  upload(id: RunnerId): UploadView | null {
    return this.#runners.get(id)?.upload ?? null;
  }

  /** What the combo's start has done; null when nothing is known. */
  startProgress(id: RunnerId, key: ComboKey, nowMonoMs: number): StartProgress | null {
    const times = this.#runners.get(id);
    if (!times) return null;
    if (times.stagingMonoMs !== null && times.stagedMonoMs === null) {
      const staging = times.meter?.read(nowMonoMs) ?? null;
      return { fraction: STAGING_SHARE * (staging?.fraction ?? 0), staging };
    }
    const combo = times.combos.get(key);
    if (combo && combo.placedMonoMs === null && combo.meters.size > 0) {
      const [last] = [...combo.meters]
        .map((meter) => meter.read(nowMonoMs))
        .toSorted((a, b) => a.fraction - b.fraction);
      if (last) return { fraction: last.fraction, staging: last };
    }
    const before = times.stagingMonoMs === null ? 0 : STAGING_SHARE;
    return { fraction: before + (1 - before) * times.loadFraction, staging: null };
  }

  /** What happened inside and beside the phases of the combo's start on that runner so far; null: nothing to tell. */
  startDetail(id: RunnerId, key: ComboKey, kind: StartKind): StartDetail | null {
    const times = this.#runners.get(id);
    if (!times || kind === 'warm') return null;
    const adapters = times.combos.get(key)?.adapters ?? [];
    if (kind === 'attach') return startDetail(null, adapters, null);
    return startDetail(times.base, adapters, uploadDetail(times.upload));
  }

  /** When files of the combo's start, which it waited for, were brought to this machine: the base, and the slowest adapter. */
  downloads(id: RunnerId, key: ComboKey, kind: StartKind): MonoInterval[] {
    const times = this.#runners.get(id);
    if (!times || kind === 'warm') return [];
    const combo = times.combos.get(key);
    const base = times.base && kind !== 'attach' ? downloadOf([times.base], times.stagedMonoMs) : null;
    const adapter = combo ? downloadOf(combo.adapters, combo.placedMonoMs) : null;
    return [base, adapter].filter((one) => one !== null);
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
    const { beganMonoMs, upMonoMs, stagingMonoMs, stagedMonoMs, loadedMonoMs } = times;
    add('spawn', beganMonoMs, upMonoMs);
    const readyMonoMs = upMonoMs === null ? null : Math.max(beganMonoMs, upMonoMs);
    // What is staged while the process comes up is no wait of its own.
    if (stagingMonoMs !== null) add('stage', readyMonoMs, stagedMonoMs);
    if (stagingMonoMs === null || stagedMonoMs !== null)
      add('load', readyMonoMs && Math.max(readyMonoMs, stagedMonoMs ?? readyMonoMs), loadedMonoMs);
    const combo = times.combos.get(key);
    if (combo?.isStaged) add('stage', combo.orderedMonoMs, combo.placedMonoMs);
    add('attach', combo && attachFrom(combo), combo?.attachedMonoMs);
    add('context', combo?.attachedMonoMs, combo?.readyMonoMs);
    return intervals;
  }
}

/** A download is the first part of a staging, and what was waited for ended when it was in its place. */
function downloadOf(places: readonly FilePlace[], placedMonoMs: number | null): MonoInterval | null {
  let slowest: { readonly wallMs: number; readonly downloadMs: number } | null = null;
  for (const { staged, wasAwaited } of places) {
    if (!wasAwaited || staged === null || staged.downloadMs === null) continue;
    const { wallMs, downloadMs } = staged;
    if (slowest === null || wallMs > slowest.wallMs) slowest = { wallMs, downloadMs };
  }
  if (slowest === null || placedMonoMs === null) return null;
  const startMonoMs = placedMonoMs - slowest.wallMs;
  return { startMonoMs, endMonoMs: startMonoMs + slowest.downloadMs };
}

/** null: what it needs is still on its way. */
function attachFrom({ orderedMonoMs, isStaged, placedMonoMs }: ComboTimes): number | null {
  return isStaged ? placedMonoMs : orderedMonoMs;
}
