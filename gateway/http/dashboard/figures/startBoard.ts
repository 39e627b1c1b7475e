import type { PoolEvent } from '../../../ports/eventLog.ts';

const MOST_STARTS = 20;

/** A step as events tell it: coarser than a request's phases, which the ledger has when the request ends. */
export type StepName = 'spawn' | 'stage' | 'load' | 'attach';

export interface Step {
  readonly name: StepName;
  readonly fromMonoMs: number;
  /** null: it goes on. */
  readonly toMonoMs: number | null;
  /** 0 to 1 of a staging; null: not known. */
  readonly fraction: number | null;
}

/** A start of a combo on a runner, as it happens. */
export interface Start {
  readonly id: number;
  readonly combo: string;
  readonly runnerId: string;
  readonly beganAtEpochMs: number;
  readonly steps: readonly Step[];
  readonly state: 'running' | 'ready' | 'failed';
}

interface Kept extends Start {
  steps: Step[];
  state: Start['state'];
  /** Of the base, while its file is on its way. */
  stagingKey: string | null;
}

/** The newest starts, put together from the pool's events. Times are when an event was heard, on the monotonic clock. */
export class StartBoard {
  readonly #kept: Kept[] = [];
  readonly #standbysUp = new Set<string>();
  #made = 0;

  /** The newest first. */
  list(): readonly Start[] {
    return this.#kept.toReversed();
  }

  heard(event: PoolEvent, nowMonoMs: number): void {
    const { type, runnerId, combo } = event;
    if (type === 'segment_staging') return this.#staging(event, nowMonoMs);
    if (type === 'segment_staged' || type === 'segment_lost') return this.#staged(event, nowMonoMs);
    if (runnerId === undefined) return;
    if (combo === undefined) return this.#ofRunner(event, runnerId, nowMonoMs);
    switch (type) {
      case 'runner_spawned':
        return this.#begin(event, runnerId, combo, 'spawn', nowMonoMs);
      case 'standby_claimed':
        return this.#begin(event, runnerId, combo, this.#firstStep(runnerId), nowMonoMs);
      case 'combo_attaching':
        return this.#attaching(event, runnerId, combo, nowMonoMs);
      case 'combo_ready':
      case 'combo_failed':
        for (const start of this.#running(runnerId))
          if (start.combo === combo) end(start, type === 'combo_ready' ? 'ready' : 'failed', nowMonoMs);
        return;
    }
  }

  #ofRunner(event: PoolEvent, runnerId: string, now: number): void {
    switch (event.type) {
      case 'standby_ready':
        this.#standbysUp.add(runnerId);
        return;
      case 'runner_waking':
        return this.#begin(event, runnerId, textOf(event.detail, 'base'), 'load', now);
      case 'runner_loading':
        for (const start of this.#running(runnerId)) if (isAt(start, 'spawn')) nextStep(start, 'load', now);
        return;
      case 'runner_ready':
        for (const start of this.#running(runnerId)) closeStep(start, now);
        return;
      case 'runner_failed':
      case 'runner_hung':
      case 'runner_exited':
        this.#standbysUp.delete(runnerId);
        for (const start of this.#running(runnerId)) end(start, 'failed', now);
        return;
    }
  }

  #firstStep(runnerId: string): StepName {
    return this.#standbysUp.delete(runnerId) ? 'load' : 'spawn';
  }

  #begin({ atEpochMs }: PoolEvent, runnerId: string, combo: string, name: StepName, now: number): void {
    this.#made += 1;
    const steps = [{ name, fromMonoMs: now, toMonoMs: null, fraction: null }];
    const start: Kept = {
      ...{ id: this.#made, combo, runnerId, beganAtEpochMs: atEpochMs },
      ...{ steps, state: 'running', stagingKey: null },
    };
    this.#kept.push(start);
    if (this.#kept.length > MOST_STARTS) this.#kept.shift();
  }

  #attaching(event: PoolEvent, runnerId: string, combo: string, now: number): void {
    const begun = this.#running(runnerId).find((start) => start.combo === combo);
    if (begun) nextStep(begun, 'attach', now);
    else this.#begin(event, runnerId, combo, 'attach', now);
  }

  /** Of whom it is told by the entry: of the base, or of an adapter of the combo. */
  #staging({ detail }: PoolEvent, now: number): void {
    const key = textOf(detail, 'key');
    const fraction = fractionOf(detail);
    for (const start of this.#kept) {
      if (start.state !== 'running' || !entriesOf(start.combo).includes(textOf(detail, 'entry'))) continue;
      if (start.stagingKey !== key) nextStep(start, 'stage', now);
      start.stagingKey = key;
      const step = start.steps.pop();
      if (step) start.steps.push({ ...step, fraction });
    }
  }

  #staged({ detail }: PoolEvent, now: number): void {
    const key = textOf(detail, 'key');
    for (const start of this.#kept) {
      if (start.state !== 'running' || start.stagingKey !== key) continue;
      start.stagingKey = null;
      nextStep(start, start.steps.some(({ name }) => name === 'attach') ? 'attach' : 'load', now);
    }
  }

  #running(runnerId: string): Kept[] {
    return this.#kept.filter((start) => start.state === 'running' && start.runnerId === runnerId);
  }
}

function isAt({ steps }: Start, name: StepName): boolean {
  return steps.at(-1)?.name === name;
}

function closeStep(start: Kept, now: number): void {
  const last = start.steps.pop();
  if (last) start.steps.push({ ...last, toMonoMs: last.toMonoMs ?? now });
}

function nextStep(start: Kept, name: StepName, now: number): void {
  closeStep(start, now);
  start.steps.push({ name, fromMonoMs: now, toMonoMs: null, fraction: null });
}

function end(start: Kept, state: 'ready' | 'failed', now: number): void {
  closeStep(start, now);
  start.state = state;
}

function entriesOf(combo: string): string[] {
  return combo.split('+').map((part) => part.split('@')[0] ?? part);
}

function fractionOf(detail: PoolEvent['detail']): number | null {
  const bytes = detail?.['bytes'];
  const total = detail?.['totalBytes'];
  return typeof bytes === 'number' && typeof total === 'number' && total > 0 ? bytes / total : null;
}

function textOf(detail: PoolEvent['detail'], name: string): string {
  const value = detail?.[name];
  return typeof value === 'string' ? value : '';
}
