import { do_not_optimize, measure } from 'mitata';
import type { CatalogueAdapter, CatalogueModel } from '../gateway/domain/catalogue.ts';
import { type Combo, parseCombo } from '../gateway/domain/combo.ts';
import { type RequestId, requestId } from '../gateway/domain/ids.ts';
import { decide } from '../gateway/pool/decide.ts';
import type { PoolEffect } from '../gateway/pool/effects.ts';
import type { PoolEvent } from '../gateway/pool/events.ts';
import { emptyPool, type PoolState } from '../gateway/pool/state.ts';
import { adapter, catalogueOf, model, SETTINGS } from '../test/pool/builders.ts';

const BASES = 20;
const RUNNERS = 8;

interface Scene {
  readonly name: string;
  /** Requests that wait, each for a combo of its own; of bases with a busy runner, without any, or both. */
  readonly waiting: number;
  readonly waitFor: 'nobody' | 'a combo on a full runner' | 'a base without a runner' | 'both';
  readonly combos: number;
}

const SCENES: readonly Scene[] = [
  { name: 'nobody waits', waiting: 0, waitFor: 'nobody', combos: 10_000 },
  {
    name: '1,000 wait for a place on busy runners',
    waiting: 1000,
    waitFor: 'a combo on a full runner',
    combos: 10_000,
  },
  { name: '1,000 wait for a runner', waiting: 1000, waitFor: 'a base without a runner', combos: 10_000 },
  { name: '1,000 wait for either', waiting: 1000, waitFor: 'both', combos: 10_000 },
  { name: '100 wait for either', waiting: 100, waitFor: 'both', combos: 1000 },
];

function combosOf(count: number): Combo[] {
  const models: CatalogueModel[] = Array.from({ length: BASES }, (_, at) =>
    model(`m${at}`, { sequences: 8 }),
  );
  const adapters: CatalogueAdapter[] = [];
  for (let at = 0; at < count - BASES; at += 1) adapters.push(adapter(`l${at}`, `m${at % BASES}`));
  const catalogue = catalogueOf(models, adapters);
  return [...models, ...adapters].map(({ id }) => {
    const parsed = parseCombo(id, [], catalogue);
    if (!parsed.ok) throw new Error(parsed.error.message);
    return parsed.value;
  });
}

/** A pool around which the world is perfect: what it orders is done in no time. */
class PerfectWorld {
  readonly state: PoolState;
  nowMs = 0;
  events = 0;
  readonly #backlog: PoolEvent[] = [];
  readonly #combos = new Map<string, Combo>();
  readonly #running: { readonly id: RequestId; readonly combo: Combo }[] = [];

  constructor(combos: readonly Combo[]) {
    const models = combos.slice(0, BASES).map((combo) => combo.model);
    const adapters = combos.flatMap((combo) => combo.adapters.map((one) => one.adapter));
    const settings = { ...SETTINGS, maxRunners: RUNNERS, maxCombosPerRunner: 8, swapAfterMs: 1e12 };
    this.state = emptyPool({ ...settings, queueLimit: 1e6 }, catalogueOf(models, adapters), 'bench');
  }

  tell(event: PoolEvent): void {
    this.#backlog.push(event);
    if (this.#backlog.length > 1) return;
    for (const next of this.#backlog) {
      this.events += 1;
      for (const effect of decide(this.state, next, this.nowMs).effects) this.#perform(effect);
    }
    this.#backlog.length = 0;
  }

  /** The request that has run longest ends; who waits gets its place, and its combo is asked for again. */
  turnOver(): void {
    const first = this.#running.shift();
    if (!first) throw new Error('nothing runs');
    this.nowMs += 1;
    this.tell({ type: 'requestEnded', requestId: first.id });
    this.arrive(first.combo, `again ${this.nowMs}`);
  }

  arrive(combo: Combo, id: string): void {
    this.#combos.set(id, combo);
    this.tell({ type: 'requestArrived', requestId: requestId(id), combo, keepAliveMs: undefined });
  }

  #perform(effect: PoolEffect): void {
    if (effect.type === 'grant') {
      const combo = this.#combos.get(effect.requestId);
      this.#combos.delete(effect.requestId);
      if (combo) this.#running.push({ id: effect.requestId, combo });
    }
    if (effect.type === 'detach')
      this.tell({ type: 'comboDetached', runnerId: effect.runnerId, comboKey: effect.comboKey });
    if (effect.type === 'stop')
      this.tell({
        type: 'runnerExited',
        runnerId: effect.runnerId,
        failure: { code: 'internal', message: '' },
      });
    if (effect.type === 'spawn') this.tell({ type: 'runnerUp', runnerId: effect.runnerId });
    if (effect.type === 'load')
      this.tell({ type: 'runnerLoaded', runnerId: effect.runnerId, weightBytes: 1 });
    if (effect.type !== 'attach') return;
    const { runnerId, combo } = effect;
    this.tell({ type: 'comboReady', runnerId, comboKey: combo.key, kvBytes: 1, computeBytes: 1 });
  }
}

/** Every runner full of busy combos, every base known, and the scene's crowd waiting. */
function build(scene: Scene, combos: readonly Combo[]): { world: PerfectWorld; hot: Combo } {
  const world = new PerfectWorld(combos);
  const placed = combos.filter((_, at) => at % BASES < RUNNERS).slice(0, RUNNERS * 8);
  for (const combo of placed) world.arrive(combo, `hold ${combo.key}`);
  const taken = new Set(placed);
  const waits = combos.filter((combo) => {
    if (taken.has(combo)) return false;
    const hasRunner = Number(combo.model.id.slice(1)) < RUNNERS;
    if (scene.waitFor === 'both') return true;
    return hasRunner === (scene.waitFor === 'a combo on a full runner');
  });
  for (const [at, combo] of waits.slice(0, scene.waiting).entries()) world.arrive(combo, `wait ${at}`);
  if (world.state.waiting !== scene.waiting) throw new Error(`${world.state.waiting} wait`);
  const hot = placed[0];
  if (!hot) throw new Error('nothing is placed');
  return { world, hot };
}

interface Row {
  readonly p50: number;
  readonly p99: number;
}

/** Microseconds of one decide, over events that leave the scene as it was. */
async function time(events: number, run: () => void): Promise<Row> {
  const { p50, p99 } = await measure(run, { min_cpu_time: 0.4e9 });
  return { p50: p50 / 1000 / events, p99: p99 / 1000 / events };
}

const cell = ({ p50, p99 }: Row): string => `${p50.toFixed(2)} / ${p99.toFixed(2)}`.padStart(16);

console.log('decide(), microseconds per event: p50 / p99\n');
console.log(
  `${'scene'.padEnd(56)}${['arrive+end', 'arrive+leave', 'turnover', 'tick'].map((h) => h.padStart(16)).join('')}`,
);
for (const scene of SCENES) {
  const { world, hot } = build(scene, combosOf(scene.combos));
  const { state } = world;
  const id = requestId('probe');
  const cold = [...state.queues.values()][0]?.combo ?? hot;
  const arrive = { type: 'requestArrived', requestId: id, combo: hot, keepAliveMs: undefined } as const;
  const end = { type: 'requestEnded', requestId: id } as const;
  const wait = { ...arrive, combo: cold };
  const gone = { type: cold === hot ? 'requestEnded' : 'clientGone', requestId: id } as const;
  const tick = { type: 'tick' } as const;
  const cycle = await time(2, () => {
    decide(state, arrive, 0);
    do_not_optimize(decide(state, end, 0));
  });
  const leave = await time(2, () => {
    decide(state, wait, 0);
    do_not_optimize(decide(state, gone, 0));
  });
  const ticks = await time(1, () => do_not_optimize(decide(state, tick, 0)));
  const before = world.events;
  for (let turn = 0; turn < 100; turn += 1) world.turnOver();
  const turns = await time((world.events - before) / 100, () => world.turnOver());
  console.log(
    `${`${scene.name} (${scene.combos} combos)`.padEnd(56)}${cell(cycle)}${cell(leave)}${cell(turns)}${cell(ticks)}`,
  );
}
