import { do_not_optimize, measure } from 'mitata';
import { requestId } from '../gateway/domain/ids.ts';
import { decide } from '../gateway/pool/decide.ts';
import type { PoolEvent } from '../gateway/pool/events.ts';
import { Crowd, SCENES, type Scene } from './pool-decide/scenes.ts';

const TURNS = 4000;
const TURNS_BEFORE = 1000;

/** Of a life in which requests come and go, in the order in which things happen to a start. */
const TIMED: readonly PoolEvent['type'][] = [
  'requestArrived',
  'requestEnded',
  'comboDetached',
  'comboReady',
  'runnerExited',
  'runnerUp',
  'runnerLoaded',
];

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
}

/** Each kind of event, by what happens to a pool of which all room is taken. */
function life(scene: Scene): string[] {
  const crowd = new Crowd(scene);
  for (let turn = 0; turn < TURNS_BEFORE; turn += 1) crowd.turnOver();
  crowd.world.timed = new Map();
  for (let turn = 0; turn < TURNS; turn += 1) crowd.turnOver();
  return TIMED.map((type) => {
    const times = (crowd.world.timed?.get(type) ?? []).toSorted((a, b) => a - b);
    return times.length < 100
      ? '-'
      : `${quantile(times, 0.5).toFixed(1)} / ${quantile(times, 0.99).toFixed(0)}`;
  });
}

/** Events that leave the pool as it was, over and over: one that comes and leaves, and a tick. */
async function standing(scene: Scene): Promise<string[]> {
  const crowd = new Crowd(scene);
  const { world } = crowd;
  const probed = scene.waiting > 0 ? world.waitedFor() : world.free();
  let probes = 0;
  const arrive = {
    type: 'requestArrived',
    combo: probed,
    keepAliveMs: undefined,
    terms: crowd.terms(),
  } as const;
  const type = scene.waiting > 0 ? 'clientGone' : 'requestEnded';
  const twice = await measure(
    () => {
      const id = requestId(`probe ${probes++}`);
      decide(world.state, { ...arrive, requestId: id }, world.nowMs);
      do_not_optimize(decide(world.state, { type, requestId: id }, world.nowMs));
    },
    { min_cpu_time: 0.2e9 },
  );
  const tick = await measure(() => do_not_optimize(decide(world.state, { type: 'tick' }, world.nowMs)), {
    min_cpu_time: 0.2e9,
  });
  return [cell(twice.p50 / 2000, twice.p99 / 2000), cell(tick.p50 / 1000, tick.p99 / 1000)];
}

const cell = (p50: number, p99: number): string => `${p50.toFixed(1)} / ${p99.toFixed(0)}`;

const headers = ['', 'combos', 'waiting', ...TIMED, 'arrive, leave', 'tick'];
console.log('decide(), microseconds per event: p50 / p99\n');
console.log(`| ${headers.join(' | ')} |\n|${'--:|'.repeat(headers.length)}`);
for (const scene of SCENES) {
  const cells = [...life(scene), ...(await standing(scene))];
  console.log(`| ${scene.name} | ${scene.combos} | ${scene.waiting} | ${cells.join(' | ')} |`);
}
