import type { RunnerId } from '../../domain/ids.ts';
import { type Hang, Heartbeat, type HeartbeatLimits, type Vitals } from './heartbeat.ts';

/** The runners that can be probed. */
export interface Patients {
  /** Those that have shaken hands and have not gone. */
  up(): Iterable<RunnerId>;
  /** Rejects when the runner cannot be asked any more. */
  ping(id: RunnerId): Promise<Vitals>;
  /** It hangs. Told once. */
  hangs(id: RunnerId, hang: Hang): void;
}

export interface ProbeSettings extends HeartbeatLimits {
  readonly probeEveryMs: number;
}

/** A round that comes later than this many periods was held up here: so much of it counts, and no more. */
const MOST_PERIODS = 1.5;

/**
 * Asks every runner on a period whether it is alive, and tells of those that hang. A gateway that was held up
 * itself (a paused machine, a blocked event loop) does not take that for the runners' silence: of a late round only the
 * usual time counts, and answers that have come meanwhile are read before anybody is judged.
 */
export class Prober {
  readonly #settings: ProbeSettings;
  readonly #patients: Patients;
  readonly #beats = new Map<RunnerId, Heartbeat>();
  readonly #hung = new Set<RunnerId>();
  #lastMonoMs: number | null = null;

  constructor(settings: ProbeSettings, patients: Patients) {
    this.#settings = settings;
    this.#patients = patients;
  }

  /** One round: judges what the last ones brought, then asks again. Once per period, after input was read. */
  round(nowMonoMs: number): void {
    const sinceMs = nowMonoMs - (this.#lastMonoMs ?? nowMonoMs);
    const passedMs = Math.min(sinceMs, this.#settings.probeEveryMs * MOST_PERIODS);
    this.#lastMonoMs = nowMonoMs;
    const up = new Set(this.#patients.up());
    this.#forgetGone(up);
    for (const id of up) if (!this.#hung.has(id)) this.#look(id, passedMs);
  }

  #look(id: RunnerId, passedMs: number): void {
    const known = this.#beats.get(id);
    const beat = known ?? new Heartbeat(this.#settings);
    this.#beats.set(id, beat);
    const hang = known?.passed(passedMs) ?? null;
    if (hang) {
      this.#hung.add(id);
      this.#patients.hangs(id, hang);
    } else if (!beat.isAsked) {
      beat.asked();
      this.#patients.ping(id).then(
        (vitals) => beat.answered(vitals),
        () => {
          // Its control pipe broke, which is told elsewhere.
        },
      );
    }
  }

  #forgetGone(up: ReadonlySet<RunnerId>): void {
    for (const id of this.#beats.keys()) if (!up.has(id)) this.#beats.delete(id);
    for (const id of this.#hung) if (!up.has(id)) this.#hung.delete(id);
  }
}

/** Runs rounds on the real clock. The returned function ends them. */
export function probeRegularly(prober: Prober, everyMs: number, monoMs: () => number): () => void {
  // The check phase follows the poll phase, in which answers are read: libuv's design, "The I/O loop".
  const timer = setInterval(() => setImmediate(() => prober.round(monoMs())), everyMs);
  return () => clearInterval(timer);
}
