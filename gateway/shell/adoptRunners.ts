import { deviceName, type RunnerId, runnerId } from '../domain/ids.ts';
import { type AdoptionOffer, type AdoptionVerdict, judgeAdoption } from '../pool/adoption.ts';
import { split } from '../pool/bytes.ts';
import { deviceShare } from '../pool/devices.ts';
import type { PoolState } from '../pool/state.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/eventLog.ts';
import type { Log } from '../ports/log.ts';
import type { RunnerRow, RunnerStore } from '../ports/runnerStore.ts';
import { AdoptedRunner } from './processes/adoptedRunner.ts';
import { endProcess, isAlive } from './processes/leftProcess.ts';
import { type ReachedRunner, type ReachSettings, reachRunner } from './processes/reach.ts';
import { removeLeftFiles, runnerFiles } from './processes/runnerFiles.ts';
import type { AdoptedFact, RunnerFleet } from './runnerFleet.ts';

export interface AdoptionDeps {
  readonly settings: ReachSettings & { readonly runDir: string };
  readonly store: RunnerStore;
  readonly events: EventLog;
  /** Read only. */
  readonly pool: PoolState;
  readonly fleet: RunnerFleet;
  readonly clock: Clock;
  readonly log: Log;
}

/** All runners are asked at the same time, so this is what a start waits at most for those that do not answer. */
const REACH_LIMIT_MS = 2_000;
const DETACH_LIMIT_MS = 1_000;

/**
 * Brings the books and the processes together after an earlier life of the gateway: runners that live under their lease
 * and hold what is current are adopted, those that cannot be are ended, the dead are written off, and what they left in
 * the runtime directory goes. The pool and the fleet must be at work. Resolves when every runner is one or the other.
 */
export async function adoptRunners(deps: AdoptionDeps): Promise<void> {
  const { clock, log } = deps;
  const startedMonoMs = clock.monoMs();
  const rows = await deps.store.living();
  const living = rows.filter(isAlive);
  const gone = rows.filter((row) => !living.includes(row));
  const reached = await Promise.all(living.map((row) => reach(row, deps)));
  const adopted = new Set<string>();
  const refused: [RunnerRow, string][] = [];
  // The newest first: of two that hold the same base, the older one was on its way out.
  for (const [row, answer] of reached.toReversed()) {
    const refusal = typeof answer === 'string' ? answer : await adopt(row, answer, deps);
    if (refusal === null) adopted.add(row.runnerId);
    else refused.push([row, refusal]);
  }
  await Promise.all([
    ...gone.map((row) => writeOff(row, 'gone before this start', deps)),
    ...refused.map(([row, refusal]) => refuse(row, refusal, deps)),
  ]);
  removeLeftFiles(deps.settings.runDir, adopted);
  if (rows.length === 0) return;
  const counts = { adopted: adopted.size, ended: refused.length, gone: gone.length };
  const tookMs = Math.round(clock.monoMs() - startedMonoMs);
  log.info({ ...counts, tookMs }, 'runners of earlier gateways are accounted for');
}

/** What the runner says, or why it cannot be heard. */
async function reach(row: RunnerRow, deps: AdoptionDeps): Promise<[RunnerRow, ReachedRunner | string]> {
  try {
    return [row, await reachRunner(row, deps.settings, REACH_LIMIT_MS)];
  } catch (error) {
    return [row, error instanceof Error ? error.message : String(error)];
  }
}

/** null, or why it is not adopted. */
async function adopt(row: RunnerRow, reached: ReachedRunner, deps: AdoptionDeps): Promise<string | null> {
  const { pool, fleet, settings, log } = deps;
  const { channel, report } = reached;
  const id = runnerId(row.runnerId);
  const verdict = judgeAdoption(pool, offerOf(id, report));
  const refusal = verdict.ok ? await detachStale(verdict, reached) : verdict.reason;
  if (!verdict.ok || refusal !== null) {
    channel.close();
    return refusal;
  }
  const identity = {
    ...row,
    id,
    logPath: runnerFiles(settings.runDir, id).logPath,
    device: verdict.device,
  };
  const event = factOf(id, verdict, report);
  fleet.adopt(event, (listener) => new AdoptedRunner(identity, channel, listener));
  log.info({ runnerId: id, pid: row.pid, base: report.model?.id ?? null }, 'runner adopted');
  return null;
}

function factOf(
  id: RunnerId,
  verdict: Extract<AdoptionVerdict, { ok: true }>,
  report: ReachedRunner['report'],
): AdoptedFact {
  if (verdict.as === 'standby') return { type: 'standbyAdopted', runnerId: id, device: verdict.device };
  if (verdict.as === 'sleeper') return { ...verdict, type: 'sleeperAdopted', runnerId: id };
  const { model, device, atSource, combos } = verdict;
  const { weightBytes, threads } = report;
  const told = report.combos.find(({ onDevice }) => onDevice !== null)?.onDevice?.weightBytes;
  const share = deviceShare(model, device);
  const weights = told === undefined ? split(weightBytes, share) : { host: weightBytes - told, device: told };
  return { type: 'runnerAdopted', runnerId: id, model, device, weights, atSource, threads, combos };
}

function offerOf(id: RunnerId, report: ReachedRunner['report']): AdoptionOffer {
  const combos = report.combos.map((held) => ({ ...held, onDevice: held.onDevice ?? undefined }));
  return {
    ...report,
    runnerId: id,
    atSource: report.model?.leasePath === undefined,
    device: report.device === null ? null : deviceName(report.device),
    combos,
  };
}

/** Combos of revisions that are not current go before anybody can ask for them. null, or why they do not. */
async function detachStale(
  verdict: Extract<AdoptionVerdict, { ok: true }>,
  { channel }: ReachedRunner,
): Promise<string | null> {
  if (verdict.as !== 'runner' || verdict.stale.length === 0) return null;
  const { stale } = verdict;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('it does not let go of combos that are not current'), DETACH_LIMIT_MS);
  });
  const detached = Promise.all(stale.map((combo) => channel.order({ type: 'detach', combo }))).then(
    () => null,
    (error: Error) => `it cannot let go of a combo that is not current: ${error.message}`,
  );
  return Promise.race([detached, late]).finally(() => clearTimeout(timer));
}

async function refuse(row: RunnerRow, reason: string, deps: AdoptionDeps): Promise<void> {
  const { events, clock, log } = deps;
  const { runnerId: id, pid } = row;
  log.warn({ runnerId: id, pid, reason }, 'runner of an earlier gateway is not adopted, but ended');
  events.append({
    atEpochMs: clock.epochMs(),
    type: 'runner_not_adopted',
    runnerId: id,
    detail: { pid, reason },
  });
  await endProcess(row);
  await writeOff(row, `ended by the next gateway: ${reason}`, deps);
}

async function writeOff(row: RunnerRow, reason: string, { store, clock, log }: AdoptionDeps): Promise<void> {
  await store.exited(row.runnerId, clock.epochMs(), reason);
  const { runnerId: id, pid } = row;
  log.info({ runnerId: id, pid, reason }, 'runner of an earlier gateway is out of the books');
}
