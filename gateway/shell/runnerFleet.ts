import { Pool } from 'undici';
import type { RunnerCounters } from '../../runner/protocol/control.ts';
import type { Catalogue, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { type ComboKey, comboName, type DeviceName, type RunnerId } from '../domain/ids.ts';
import type { StartKind } from '../domain/phases.ts';
import type { PoolEvent } from '../pool/events.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/eventLog.ts';
import type { Log } from '../ports/log.ts';
import type { RunnerStore } from '../ports/runnerStore.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { WeightFiles } from '../ports/weightFiles.ts';
import { loadBase, runnerAdaptersOf, runnerModelOf, sleepBase, startFailure } from './baseOrders.ts';
import { openAhead } from './openAhead.ts';
import type { Hang } from './probes/heartbeat.ts';
import { type Answer, type OrderBody, OrderFailed } from './processes/controlChannel.ts';
import { type DeviceScope, localName } from './processes/deviceScope.ts';
import { bootId } from './processes/procfs.ts';
import type { RunnerExit, RunnerProcess, RunnerProcessListener } from './processes/runnerProcess.ts';
import { SpawnedRunner, type SpawnSettings } from './processes/spawnedRunner.ts';
import { resizeCombo } from './resizeCombo.ts';
import { sendReviewed } from './reviewedOrder.ts';
import { startRecord } from './startRecord.ts';
import type { StartTimeline } from './startTimeline.ts';
import { attachPlaced, type LoadedFrom, loadPlaced } from './weights/placedOrders.ts';
import type { StagedFiles } from './weights/stagedFiles.ts';

/** What the fleet is made with. */
export interface FleetDeps {
  readonly settings: SpawnSettings;
  readonly store: RunnerStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeline: StartTimeline;
  readonly telemetry: Telemetry;
  readonly events: EventLog;
  /** The pool knows devices, so that each process is started for one or for none. */
  readonly hasDevices: () => boolean;
  readonly files: WeightFiles;
  readonly staged: StagedFiles;
  readonly catalogue: () => Catalogue;
  /** Where facts about runners go: the pool's loop. */
  readonly dispatch: (event: PoolEvent) => void;
}

/** A runner of an earlier gateway, as the pool is told of it. */
export type AdoptedFact = Extract<PoolEvent, { type: 'runnerAdopted' | 'standbyAdopted' | 'sleeperAdopted' }>;

const DETACH_AGAIN_MS = 10;

type SendOrder = (body: OrderBody) => Promise<Answer>;

interface Member {
  readonly process: RunnerProcess;
  readonly client: Pool;
  /** null: a standby. */
  baseId: string | null;
}

/** The runner processes that live, and the orders of the pool to them. Each order's outcome comes back as a fact. */
export class RunnerFleet {
  readonly #deps: FleetDeps;
  readonly #members = new Map<RunnerId, Member>();
  /** Those that have shaken hands. */
  readonly #up = new Set<RunnerId>();
  #onEmpty: (() => void) | null = null;

  constructor(deps: FleetDeps) {
    this.#deps = deps;
  }

  /** Without a model: a standby. */
  spawn(id: RunnerId, model: CatalogueModel | null, device: DeviceName | null): void {
    const { settings, clock, timeline, dispatch } = this.#deps;
    timeline.spawned(id, clock.monoMs());
    let process: SpawnedRunner;
    try {
      process = new SpawnedRunner(id, this.#scopeOf(device), settings, clock.epochMs(), {
        ready: () => {
          this.#up.add(id);
          timeline.up(id, clock.monoMs());
          dispatch({ type: 'runnerUp', runnerId: id });
        },
        ...this.#listenerOf(id),
      });
    } catch (cause) {
      // No process came to be (no memory, no descriptors): the pool hears of it as of an exit, but not within this call.
      const message = cause instanceof Error ? cause.message : String(cause);
      const exit = { how: `could not be started: ${message}`, byOthers: false, words: '' };
      setImmediate(() => this.#exited(id, model?.id ?? null, exit));
      return;
    }
    const member = { process, client: clientOf(process), baseId: model?.id ?? null };
    this.#members.set(id, member);
    this.#remember(id, member);
  }

  /** The standby is a runner of this base from now on. */
  claim(id: RunnerId, model: CatalogueModel): void {
    this.#deps.timeline.claimed(id, this.#deps.clock.monoMs());
    const member = this.#members.get(id);
    if (!member) return;
    member.baseId = model.id;
    this.#remember(id, member);
  }

  /** Takes a runner of an earlier gateway among its own; `open` makes the process with the listener that it is given. */
  adopt(event: AdoptedFact, open: (listener: RunnerProcessListener) => RunnerProcess): void {
    const { timeline, clock, dispatch } = this.#deps;
    const { runnerId: id } = event;
    const baseId = event.type === 'standbyAdopted' ? null : event.model.id;
    const process = open(this.#listenerOf(id));
    this.#members.set(id, { process, client: clientOf(process), baseId });
    this.#up.add(id);
    timeline.adopted(id, baseId !== null, clock.monoMs());
    dispatch(event);
  }

  /** `atSource`: it is to read the source, whatever the weight store has. */
  load(id: RunnerId, model: CatalogueModel, threads: number, atSource = false): void {
    const device = this.#deviceOf(id);
    const local = device && localName(device);
    this.#loadBase(id, model, (send) =>
      loadPlaced(
        { id, device, atSource },
        model,
        (place) => ({ type: 'load', model: runnerModelOf(model, place, local, threads) }),
        send,
        this.#deps,
      ),
    );
    const client = this.client(id);
    if (client) openAhead(client);
  }

  /** It has the base, and says when it has given it back. */
  sleep(id: RunnerId): void {
    sleepBase(id, (body) => this.#order(id, body), this.#deps);
  }

  wake(id: RunnerId, model: CatalogueModel, threads: number): void {
    this.#deps.timeline.waking(id, this.#deps.clock.monoMs());
    this.#loadBase(id, model, async (send) => ({ answer: await send({ type: 'wake', threads }) }));
  }

  attach(id: RunnerId, combo: Combo, kind: StartKind): void {
    const { timeline, telemetry, clock, dispatch } = this.#deps;
    const orderedMonoMs = clock.monoMs();
    timeline.attachOrdered(id, combo.key, orderedMonoMs);
    const wordsSince = this.#overhear(id);
    attachPlaced(
      { id, device: this.#deviceOf(id) },
      combo,
      kind,
      (places) => ({ type: 'attach', combo: combo.key, adapters: runnerAdaptersOf(combo, places) }),
      (body) => this.#order(id, body),
      this.#deps,
    ).then(
      (answer) => {
        if (answer.type !== 'attached') return;
        const { kvBytes, computeBytes, contextMs, onDevice } = answer;
        const nowMonoMs = clock.monoMs();
        timeline.attached(id, combo.key, contextMs, combo.adapters.length > 0, nowMonoMs);
        const intervals = timeline.intervals(id, combo.key, nowMonoMs);
        const detail = timeline.startDetail(id, combo.key, kind);
        telemetry.startEnded(startRecord(combo.name, kind, orderedMonoMs, intervals, detail));
        const measured = { kvBytes, computeBytes, ...(onDevice && { onDevice }) };
        dispatch({ type: 'comboReady', runnerId: id, comboKey: combo.key, ...measured });
      },
      (error: Error) => {
        if (!(error instanceof OrderFailed)) return;
        telemetry.startFailed(combo.name, error.failure.code);
        dispatch({
          type: 'comboFailed',
          runnerId: id,
          comboKey: combo.key,
          failure: startFailure(combo.name, error, wordsSince()),
        });
      },
    );
  }

  /**
   * A request whose client left is over for the pool before the runner has seen its connection close: as long as the
   * runner finds the combo busy it is asked again. The pool's limit for a detach ends a runner that never lets go.
   */
  detach(id: RunnerId, comboKey: ComboKey): void {
    const { timeline, dispatch } = this.#deps;
    this.#order(id, { type: 'detach', combo: comboKey }).then(
      () => {
        timeline.detached(id, comboKey);
        dispatch({ type: 'comboDetached', runnerId: id, comboKey });
      },
      (error: Error) => {
        if (!(error instanceof OrderFailed)) return;
        if (error.failure.code === 'combo_busy') {
          setTimeout(() => this.detach(id, comboKey), DETACH_AGAIN_MS);
          return;
        }
        const failure: Failure = { code: 'runner_failed', message: `Cannot detach combo: ${error.message}` };
        dispatch({ type: 'runnerFailed', runnerId: id, failure });
      },
    );
  }

  resize(id: RunnerId, comboKey: ComboKey, sequences: number): void {
    const wanted = { runnerId: id, comboKey, sequences };
    resizeCombo(wanted, (body) => this.#order(id, body), this.#deps.dispatch);
  }

  setThreads(id: RunnerId, threads: number): void {
    this.#order(id, { type: 'threads', threads }).catch((error: Error) => {
      this.#deps.log.warn({ runnerId: id, error: error.message }, 'runner did not take its thread count');
    });
  }

  stop(id: RunnerId, graceMs: number): void {
    this.#members.get(id)?.process.stop(graceMs);
  }

  /** Ends a runner that hangs. It will not end its connections itself: what runs on it is lost now. */
  endHung(id: RunnerId): void {
    const member = this.#members.get(id);
    member?.process.endHung();
    void member?.client.destroy(new Error('it hangs'));
  }

  /** Those that have shaken hands and have not gone. */
  up(): Iterable<RunnerId> {
    return this.#up;
  }

  /** Rejects when it cannot be asked; never ends when it does not answer. */
  async ping(id: RunnerId): Promise<RunnerCounters> {
    const answer = await this.#order(id, { type: 'ping' });
    if (answer.type !== 'pong') throw new Error(`Cannot ping runner "${id}": it answers "${answer.type}"`);
    return answer.counters;
  }

  /** Probes found that it hangs. */
  hangs(id: RunnerId, hang: Hang): void {
    const { telemetry, dispatch } = this.#deps;
    telemetry.runnerHung(comboName(this.#baseOf(id) ?? 'none'), hang.cause);
    dispatch({ type: 'runnerHung', runnerId: id, ...hang });
  }

  /** Counts a start that takes too long, and says what the runner said last. */
  slowStart(id: RunnerId): string {
    this.#deps.telemetry.startSlow(comboName(this.#baseOf(id) ?? 'none'));
    return this.#members.get(id)?.process.lastLine() ?? '';
  }

  /** HTTP to the runner's socket; undefined when its process has gone. */
  client(id: RunnerId): Pool | undefined {
    return this.#members.get(id)?.client;
  }

  process(id: RunnerId): RunnerProcess | undefined {
    return this.#members.get(id)?.process;
  }

  /** What the runner counts; null when it does not answer within `timeoutMs`. */
  async counters(id: RunnerId, timeoutMs: number): Promise<RunnerCounters | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), timeoutMs);
    });
    const asked = this.ping(id).catch(() => null);
    return Promise.race([asked, late]).finally(() => clearTimeout(timer));
  }

  /** Resolves when no runner process lives any more. */
  async empty(): Promise<void> {
    if (this.#members.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** For a gateway that must go at once: every runner gets SIGTERM. */
  abandon(): void {
    for (const { process } of this.#members.values()) process.stop(0);
  }

  /** For a gateway that cannot start: the runners live on under their lease, for the next one. */
  letGo(): void {
    for (const { process, client } of this.#members.values()) {
      process.letGo();
      void client.destroy();
    }
    this.#members.clear();
    this.#up.clear();
  }

  #loadBase(id: RunnerId, model: CatalogueModel, order: (send: SendOrder) => Promise<LoadedFrom>): void {
    const { timeline } = this.#deps;
    const wordsSince = this.#overhear(id);
    const answer = order((body) => this.#order(id, body, (fraction) => timeline.progress(id, fraction)));
    loadBase({ id, model, answer, wordsSince }, this.#deps);
  }

  /** Where devices are known a process sees its own or none. */
  #scopeOf(device: DeviceName | null): DeviceScope {
    return this.#deps.hasDevices() ? device : 'all';
  }

  #order(
    ...[id, body, onProgress]: [RunnerId, ...Parameters<RunnerProcess['order']>]
  ): ReturnType<RunnerProcess['order']> {
    const member = this.#members.get(id);
    if (!member) return Promise.reject(new Error(`Cannot reach runner "${id}": its process has gone`));
    const { files, catalogue } = this.#deps;
    const send = (one: typeof body) => member.process.order(one, onProgress);
    return sendReviewed(body, send, files, catalogue(), member.baseId);
  }

  #listenerOf(id: RunnerId): RunnerProcessListener {
    return {
      broken: (error) => this.#failed(id, error),
      exited: (exit) => this.#exited(id, this.#baseOf(id), exit),
    };
  }

  #overhear(id: RunnerId): () => string {
    return this.#members.get(id)?.process.overhear() ?? (() => '');
  }

  #deviceOf(id: RunnerId): DeviceName | null {
    return this.#members.get(id)?.process.device ?? null;
  }

  #baseOf(id: RunnerId): string | null {
    return this.#members.get(id)?.baseId ?? null;
  }

  #failed(id: RunnerId, error: Error): void {
    const message = `${cannotStart(this.#baseOf(id))}: ${error.message}`;
    const failure: Failure = { code: 'start_failed', message };
    this.#deps.dispatch({ type: 'runnerFailed', runnerId: id, failure });
  }

  #exited(id: RunnerId, base: string | null, { how, words, byOthers }: RunnerExit): void {
    const { timeline, store, clock, log, dispatch } = this.#deps;
    const member = this.#members.get(id);
    this.#members.delete(id);
    this.#up.delete(id);
    // Those who waited for it are answered first: they tell how far the start was.
    setImmediate(() => timeline.gone(id));
    if (member) void member.client.destroy();
    const message = `${cannotStart(base)}: runner ${how}${words === '' ? '' : `: ${words}`}`;
    log.info({ runnerId: id, base, how, lastWords: words }, 'runner exited');
    store.exited(id, clock.epochMs(), words === '' ? how : `${how}: ${words}`).catch((error: Error) => {
      log.error({ runnerId: id, error: error.message }, 'exit of a runner was not written');
    });
    const failure: Failure = { code: 'start_failed', message };
    dispatch({ type: 'runnerExited', runnerId: id, failure, ...(byOthers && { byOthers }) });
    if (this.#members.size === 0) this.#onEmpty?.();
  }

  #remember(id: RunnerId, { process, baseId }: Member): void {
    const { store, log } = this.#deps;
    const { pid } = process;
    if (pid === null) return;
    const row = {
      runnerId: id,
      pid,
      pidStartTicks: process.startTicks ?? '',
      bootId: bootId(),
      baseId,
      socketPath: process.socketPath,
      spawnedAtEpochMs: process.spawnedAtEpochMs,
    };
    store.spawned(row).catch((error: Error) => {
      log.error({ runnerId: id, error: error.message }, 'start of a runner was not written');
    });
  }
}

function clientOf({ socketPath }: RunnerProcess): Pool {
  return new Pool('http://runner', {
    socketPath,
    connections: null,
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: 60_000,
  });
}

function cannotStart(base: string | null): string {
  return base === null ? 'Cannot start a standby' : `Cannot start "${base}"`;
}
