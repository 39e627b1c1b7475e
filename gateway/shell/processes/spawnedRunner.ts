import type { ChildProcess } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { PROTOCOL_VERSION } from '../../../runner/protocol/control.ts';
import { formatCoreList } from '../../../runner/protocol/coreList.ts';
import type { DeviceName, RunnerId } from '../../domain/ids.ts';
import { spawnChild } from './childProcess.ts';
import { type Answer, ControlChannel, type Greeting, type OrderBody } from './controlChannel.ts';
import { type DeviceScope, scopeTo } from './deviceScope.ts';
import { type ExitCause, exitCause } from './exitCause.ts';
import { lastLine, lastWords, overhear } from './lastWords.ts';
import type { NumaPlaces } from './numaPlaces.ts';
import { hasGone, oomKills, signalGroup, startTicks } from './procfs.ts';
import { runnerFiles } from './runnerFiles.ts';
import { runnerKey } from './runnerKey.ts';
import { type RunnerProcess, type RunnerProcessListener, tellBroken } from './runnerProcess.ts';
import { Termination } from './termination.ts';

/** How runner processes are started. */
export interface SpawnSettings {
  /** The bundled runner. */
  readonly entry: string;
  /** For sockets and logs; mode 0700. Its path must leave room for a socket's name in 107 bytes. */
  readonly runDir: string;
  readonly leaseMs: number;
  /** Of the data directory: what runners and later gateways know each other by. */
  readonly secret: string;
  /** The allow-listed environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** A runner of a device there is kept to the cores of its place. */
  readonly places: NumaPlaces;
  /** On which a runner without a device keeps its event loop; none: wherever the kernel puts it. */
  readonly eventLoopCores: readonly number[];
}

export interface SpawnListener extends RunnerProcessListener {
  /** It has shaken hands; `engine` is what it found. */
  ready(engine: Greeting['engine']): void;
}

/** A runner of this gateway: a child in a process group of its own, its control pipe, socket and log. */
export class SpawnedRunner implements RunnerProcess {
  readonly id: RunnerId;
  readonly socketPath: string;
  readonly spawnedAtEpochMs: number;
  readonly device: DeviceName | null;
  readonly startTicks: string | null;
  readonly #child: ChildProcess;
  readonly #channel: ControlChannel;
  readonly #logPath: string;
  readonly #listener: SpawnListener;
  readonly #termination: Termination;
  #gone = false;

  constructor(
    id: RunnerId,
    scope: DeviceScope,
    settings: SpawnSettings,
    nowEpochMs: number,
    listener: SpawnListener,
  ) {
    const { socketPath, logPath } = runnerFiles(settings.runDir, id);
    this.id = id;
    this.spawnedAtEpochMs = nowEpochMs;
    this.socketPath = socketPath;
    this.#logPath = logPath;
    this.#listener = listener;
    this.device = scope === 'all' ? null : scope;
    this.#child = spawnRunner(settings, scope, logPath);
    this.startTicks = this.pid === null ? null : startTicks(this.pid);
    const killsBefore = oomKills();
    this.#child.once('error', (error) => {
      this.#end({ how: `could not be started: ${error.message}`, byOthers: false });
    });
    this.#child.once('exit', (code, signal) => {
      const kills = killsBefore === null ? null : (oomKills() ?? 0) - killsBefore;
      this.#end(exitCause(code, signal, kills));
    });
    this.#channel = new ControlChannel(this.#child.stdio[3] as Duplex);
    this.#channel.greeting.then(
      (greeting) => this.#greeted(greeting),
      () => {},
    );
    void this.#channel.broken.then((error) => {
      tellBroken(error, () => {
        if (!this.#gone) listener.broken(error);
      });
    });
    this.#termination = new Termination({
      ask: (graceMs) => this.#channel.tell({ type: 'shutdown', graceMs }),
      signal: (signal) => {
        if (!this.#gone && this.pid !== null) signalGroup(this.pid, signal);
      },
    });
    this.#channel.tell({
      type: 'hello',
      version: PROTOCOL_VERSION,
      runnerId: id,
      socketPath: this.socketPath,
      leaseMs: settings.leaseMs,
      adoptionKey: runnerKey(settings.secret, id),
      device: this.device,
    });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  hasGone(): boolean {
    return this.#gone || this.pid === null || hasGone(this.pid, this.startTicks);
  }

  order(body: OrderBody, onProgress?: (fraction: number) => void): Promise<Answer> {
    return this.#channel.order(body, onProgress);
  }

  lastLine(): string {
    return lastLine(this.#logPath);
  }

  overhear(): () => string {
    return overhear(this.#logPath);
  }

  stop(graceMs: number): void {
    if (!this.#gone) this.#termination.begin(graceMs);
  }

  endHung(): void {
    if (!this.#gone) this.#termination.beginHung();
  }

  letGo(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#termination.cancel();
    this.#channel.close();
    this.#child.unref();
  }

  #greeted(greeting: Greeting): void {
    const version = greeting.type === 'ready' ? greeting.version : null;
    if (version === PROTOCOL_VERSION) this.#listener.ready(greeting.engine);
    else this.#listener.broken(new Error(`protocol version ${version}, expected ${PROTOCOL_VERSION}`));
  }

  #end(cause: ExitCause): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#termination.cancel();
    const words = lastWords(this.#logPath);
    rmSync(this.#logPath, { force: true });
    rmSync(this.socketPath, { force: true });
    this.#listener.exited({ ...cause, words });
  }
}

function spawnRunner(
  { entry, runDir, environment, places, eventLoopCores }: SpawnSettings,
  scope: DeviceScope,
  logPath: string,
): ChildProcess {
  const hasDevice = scope !== null && scope !== 'all';
  const place = hasDevice ? places.get(scope) : undefined;
  const scoped = {
    ...environment,
    ...scopeTo(scope, environment),
    ...(place && { HEARTH_CORES: formatCoreList(place.cores) }),
    ...(!hasDevice && { HEARTH_EVENT_LOOP_CORES: formatCoreList(eventLoopCores) }),
  };
  return spawnChild({ entry, runDir, environment: scoped }, logPath);
}
