import { START_KINDS, type StartKind } from '../../domain/phases.ts';
import type { Arrivals } from './trace.ts';

/** What one run of the simulation came to. Times in milliseconds. */
export interface Outcome {
  readonly policy: string;
  readonly requests: number;
  readonly meanWaitMs: number;
  readonly p50WaitMs: number;
  readonly p99WaitMs: number;
  /** Of every load and attach, one after the other. */
  readonly reloadMs: number;
  readonly loads: number;
  readonly attaches: number;
  /** Requests that began a start, by kind; `joined`: those that waited on another's. */
  readonly begun: Readonly<Record<StartKind, number>>;
  readonly joined: number;
  readonly evictedBases: number;
  readonly detachedCombos: number;
  readonly refusals: number;
  readonly meanBytes: number;
  readonly peakBytes: number;
  readonly decides: number;
  /** By request; NaN: refused. */
  readonly grantedMs: Float64Array;
  /** By request: the place of its kind among START_KINDS, and whether another began the start; 0 where it was refused. */
  readonly kinds: Uint8Array;
  readonly joins: Uint8Array;
  /** By combo: what it held, and its share of its base, in bytes times milliseconds. */
  readonly byteMs: Float64Array;
}

/** Counts while the simulation runs. */
export class Tally {
  readonly grantedMs: Float64Array;
  readonly kinds: Uint8Array;
  readonly joins: Uint8Array;
  readonly begun: Record<StartKind, number> = { warm: 0, attach: 0, wake: 0, staged: 0, cold: 0 };
  joined = 0;
  reloadMs = 0;
  loads = 0;
  attaches = 0;
  evictedBases = 0;
  detachedCombos = 0;
  refusals = 0;
  decides = 0;
  #bytes = 0;
  #peakBytes = 0;
  #byteMs = 0;
  #sinceMs = 0;

  constructor(requests: number) {
    this.grantedMs = new Float64Array(requests).fill(Number.NaN);
    this.kinds = new Uint8Array(requests);
    this.joins = new Uint8Array(requests);
  }

  grant(request: number, kind: StartKind, joined: boolean, nowMs: number): void {
    this.grantedMs[request] = nowMs;
    this.kinds[request] = START_KINDS.indexOf(kind);
    this.joins[request] = joined ? 1 : 0;
    if (joined) this.joined += 1;
    else this.begun[kind] += 1;
  }

  /** Processes hold so many bytes more, or less. */
  hold(bytes: number, nowMs: number): void {
    this.#byteMs += this.#bytes * (nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
    this.#bytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
  }

  outcome(policy: string, { atMs }: Arrivals): Omit<Outcome, 'byteMs'> {
    const waits = this.grantedMs.map((granted, at) => granted - (atMs[at] ?? 0)).filter((ms) => ms >= 0);
    waits.sort();
    const share = (part: number): number => waits[Math.floor(part * (waits.length - 1))] ?? 0;
    return {
      policy,
      requests: atMs.length,
      meanWaitMs: waits.reduce((sum, ms) => sum + ms, 0) / Math.max(1, waits.length),
      p50WaitMs: share(0.5),
      p99WaitMs: share(0.99),
      reloadMs: this.reloadMs,
      loads: this.loads,
      attaches: this.attaches,
      begun: this.begun,
      joined: this.joined,
      evictedBases: this.evictedBases,
      detachedCombos: this.detachedCombos,
      refusals: this.refusals,
      meanBytes: this.#byteMs / Math.max(1, this.#sinceMs),
      peakBytes: this.#peakBytes,
      decides: this.decides,
      grantedMs: this.grantedMs,
      kinds: this.kinds,
      joins: this.joins,
    };
  }
}
