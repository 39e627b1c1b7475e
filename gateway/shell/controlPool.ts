import type { RunnerCounters } from '../../runner/protocol/control.ts';
import type { Combo } from '../domain/combo.ts';
import type { Result } from '../domain/errors.ts';
import { runnerId } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import { totalOf } from '../pool/bytes.ts';
import type { OrderAnswer } from '../pool/effects.ts';
import { heldBytes } from '../pool/memory.ts';
import type { ReadySlot } from '../pool/slots.ts';
import type { Runner } from '../pool/state.ts';
import type { Clock } from '../ports/clock.ts';
import { type BudgetView, budgetViews } from './budgetViews.ts';
import { comboStatus, comboViews } from './comboViews.ts';
import { occupancyView } from './occupancyView.ts';
import type { ComboView, LoadStatus, PoolControl, RunnerView } from './poolControl.ts';
import type { PoolLoop } from './poolLoop.ts';
import type { RunnerFleet } from './runnerFleet.ts';
import { shownState } from './shownState.ts';
import type { StartTimeline } from './startTimeline.ts';
import { type SegmentView, segmentViews } from './weights/segmentViews.ts';
import type { StagedFiles } from './weights/stagedFiles.ts';

const COUNTERS_WAIT_MS = 1_000;

export interface ControlPoolDeps {
  readonly pool: PoolLoop;
  readonly fleet: RunnerFleet;
  readonly timeline: StartTimeline;
  readonly staged: StagedFiles;
  readonly clock: Clock;
}

/** The operator's use cases over the pool's loop and the processes. */
export class ControlPool implements PoolControl {
  readonly #pool: PoolLoop;
  readonly #fleet: RunnerFleet;
  readonly #timeline: StartTimeline;
  readonly #staged: StagedFiles;
  readonly #clock: Clock;

  constructor({ pool, fleet, timeline, staged, clock }: ControlPoolDeps) {
    this.#pool = pool;
    this.#fleet = fleet;
    this.#timeline = timeline;
    this.#staged = staged;
    this.#clock = clock;
  }

  async runners(): Promise<readonly RunnerView[]> {
    const withBaseFirst = [...this.#pool.state.runners.values()].toSorted(
      (a, b) => Number(a.model === null) - Number(b.model === null),
    );
    const living = withBaseFirst.filter(({ id }) => this.#fleet.process(id)?.hasGone() === false);
    return Promise.all(
      living.map(async (runner) => {
        const asks = runner.state !== 'starting' && runner.state !== 'stopping';
        const counters = asks ? await this.#fleet.counters(runner.id, COUNTERS_WAIT_MS) : null;
        return this.#view(runner, counters);
      }),
    );
  }

  baseStatus(modelId: string): LoadStatus {
    let status: LoadStatus = 'unloaded';
    for (const runner of this.#pool.state.runners.values()) {
      if (runner.model?.id !== modelId) continue;
      if (runner.state === 'ready' || runner.state === 'draining') return 'loaded';
      if (runner.state === 'dozing' || runner.state === 'asleep') {
        if (status === 'unloaded') status = 'sleeping';
      } else if (runner.state !== 'stopping') status = 'loading';
    }
    return status;
  }

  comboStatus(combo: Combo): LoadStatus {
    return comboStatus(this.#pool.state, combo);
  }

  segments(): readonly SegmentView[] {
    return segmentViews(this.#pool.state, (key) => this.#staged.progressOf(key));
  }

  budgets(): readonly BudgetView[] {
    return budgetViews(this.#pool.state);
  }

  combos(): readonly ComboView[] {
    const now = { monoMs: this.#clock.monoMs(), epochMs: this.#clock.epochMs() };
    return comboViews(this.#pool.state, now);
  }

  async liftQuarantine(combo: Combo): Promise<Result<{ readonly lifted: boolean }>> {
    const answer = await this.#pool.order({ type: 'liftAsked', combo });
    if (!answer.ok) return answer;
    return { ok: true, value: expectOrder(answer, 'lift') };
  }

  async warm(combo: Combo): Promise<Result<{ readonly runnerId: string; readonly kind: StartKind }>> {
    const answer = await this.#pool.order({ type: 'warmAsked', combo });
    if (!answer.ok) return answer;
    return { ok: true, value: expectOrder(answer, 'warm') };
  }

  async evict(combo: Combo): Promise<Result<{ readonly evicted: boolean }>> {
    const answer = await this.#pool.order({ type: 'evictAsked', combo });
    if (!answer.ok) return answer;
    return { ok: true, value: expectOrder(answer, 'evict') };
  }

  async drain(id: string): Promise<Result<{ readonly state: 'draining' | 'stopping' }>> {
    const answer = await this.#pool.order({ type: 'drainAsked', runnerId: runnerId(id) });
    if (!answer.ok) return answer;
    return { ok: true, value: expectOrder(answer, 'drain') };
  }

  async sleep(id: string): Promise<Result<{ readonly state: 'asleep' }>> {
    const answer = await this.#pool.order({ type: 'sleepAsked', runnerId: runnerId(id) });
    return answer.ok ? { ok: true, value: { state: 'asleep' } } : answer;
  }

  async wake(id: string): Promise<Result<{ readonly state: 'loading' | 'ready' }>> {
    const answer = await this.#pool.order({ type: 'wakeAsked', runnerId: runnerId(id) });
    if (!answer.ok) return answer;
    const { state } = expectOrder(answer, 'rest');
    return { ok: true, value: { state: state === 'ready' ? 'ready' : 'loading' } };
  }

  waitingRequests(): number {
    return this.#pool.state.waiting;
  }

  notReadyReason(): string | null {
    return this.#pool.state.shuttingDown ? 'the gateway is shutting down' : null;
  }

  #view(runner: Runner, counters: RunnerCounters | null): RunnerView {
    const process = this.#fleet.process(runner.id);
    const held = runner.state === 'ready' || runner.state === 'draining' ? runner : null;
    return {
      id: runner.id,
      pid: process?.pid ?? null,
      state: shownState(runner),
      base: runner.model?.id ?? null,
      combos: readySlots(runner).map(({ combo }) => combo.name),
      sequences: Object.fromEntries(
        readySlots(runner).map(({ combo, sequences }) => [combo.name, sequences]),
      ),
      device: runner.device ?? 'cpu',
      memory: {
        weight_bytes: held ? totalOf(held.weights) : 0,
        kv_bytes: sum(runner, 'kvBytes'),
        compute_bytes: sum(runner, 'computeBytes'),
        device_bytes: heldBytes(this.#pool.state, runner, 'device'),
        resident_bytes: counters?.residentBytes ?? null,
      },
      upload: this.#timeline.upload(runner.id),
      counters: counters ? snakeCase(counters) : {},
      occupancy: counters ? occupancyView(counters, possibleSequences(runner)) : null,
      threads: counters?.threads ?? held?.threads ?? 0,
      active_requests: held?.active ?? 0,
      started_at: new Date(process?.spawnedAtEpochMs ?? 0).toISOString(),
    };
  }
}

function expectOrder<T extends 'warm' | 'evict' | 'lift' | 'drain' | 'rest'>(
  answer: Extract<OrderAnswer, { ok: true }>,
  order: T,
): Extract<Extract<OrderAnswer, { ok: true }>['value'], { order: T }> {
  const { value } = answer;
  if (value.order !== order) throw new Error(`Cannot use answer to "${value.order}" for "${order}"`);
  return value as Extract<typeof value, { order: T }>;
}

function readySlots(runner: Runner): ReadySlot[] {
  return [...runner.combos.values()].filter((slot) => slot.state === 'ready');
}

function possibleSequences(runner: Runner): number {
  return readySlots(runner).reduce((total, { sequences }) => total + sequences, 0);
}

function sum(runner: Runner, field: 'kvBytes' | 'computeBytes'): number {
  let bytes = 0;
  for (const slot of runner.combos.values()) if (slot.state === 'ready') bytes += slot[field];
  return bytes;
}

function snakeCase(counters: RunnerCounters): Record<string, number> {
  return Object.fromEntries(
    Object.entries(counters).map(([name, value]) => [
      name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`),
      value,
    ]),
  );
}
