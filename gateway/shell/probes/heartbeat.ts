import type { RunnerCounters } from '../../../runner/protocol/control.ts';
import type { HangCause } from '../../pool/events.ts';

export interface HeartbeatLimits {
  /** A probe that is not answered for so long: the process hangs. */
  readonly probeTimeoutMs: number;
  /** The engine has work and does no step for so long: its decode thread hangs. */
  readonly stallTimeoutMs: number;
}

export interface Hang {
  readonly cause: HangCause;
  readonly forMs: number;
}

/** What a runner has in hand and how far it is. */
export type Vitals = Pick<RunnerCounters, 'activeSequences' | 'waitingRequests' | 'embeddings' | 'progress'>;

/**
 * What the probes of one runner say. Its event loop answers them while the decode thread works, so one that is busy is
 * alive; how far the decode thread is comes with the answer. Knows no clock: time is what it is told has passed.
 */
export class Heartbeat {
  readonly #limits: HeartbeatLimits;
  #isAsked = false;
  #unansweredMs = 0;
  #sinceAnswerMs = 0;
  #last: Vitals | null = null;
  #stillMs = 0;

  constructor(limits: HeartbeatLimits) {
    this.#limits = limits;
  }

  /** A probe is on its way: the next one has to wait for its answer. */
  get isAsked(): boolean {
    return this.#isAsked;
  }

  asked(): void {
    this.#isAsked = true;
    this.#unansweredMs = 0;
  }

  answered(vitals: Vitals): void {
    this.#isAsked = false;
    // Busy at both ends of the time between and no further: only then did it stand still all along.
    const stoodStill =
      this.#last !== null && isBusy(this.#last) && isBusy(vitals) && this.#last.progress === vitals.progress;
    this.#stillMs = stoodStill ? this.#stillMs + this.#sinceAnswerMs : 0;
    this.#sinceAnswerMs = 0;
    this.#last = vitals;
  }

  /** So much time has passed for the runner. null: nothing is wrong. */
  passed(ms: number): Hang | null {
    this.#sinceAnswerMs += ms;
    if (this.#isAsked) this.#unansweredMs += ms;
    const { probeTimeoutMs, stallTimeoutMs } = this.#limits;
    if (this.#isAsked && this.#unansweredMs >= probeTimeoutMs)
      return { cause: 'silent', forMs: this.#unansweredMs };
    return this.#stillMs >= stallTimeoutMs ? { cause: 'stalled', forMs: this.#stillMs } : null;
  }
}

function isBusy({ activeSequences, waitingRequests, embeddings }: Vitals): boolean {
  return activeSequences + waitingRequests + embeddings > 0;
}
