import { rmSync } from 'node:fs';
import type { DeviceName, RunnerId } from '../../domain/ids.ts';
import type { Answer, ControlChannel, OrderBody } from './controlChannel.ts';
import { lastLine, lastWords, overhear } from './lastWords.ts';
import { hasGone, signalGroup, startTicks } from './procfs.ts';
import { type RunnerProcess, type RunnerProcessListener, tellBroken } from './runnerProcess.ts';
import { Termination } from './termination.ts';

/** Who an adopted runner is. Pid and start ticks name its process for good. */
export interface AdoptedIdentity {
  readonly id: RunnerId;
  readonly pid: number;
  readonly pidStartTicks: string;
  readonly socketPath: string;
  readonly logPath: string;
  readonly spawnedAtEpochMs: number;
  readonly device: DeviceName | null;
}

const EXIT_POLL_MS = 25;

/**
 * A runner that an earlier gateway spawned. It is nobody's child here, so no exit is told: the kernel closes its control
 * connection when it dies, and from then on, or from the order to stop on, the process table is asked whether it is
 * still there. How it exited stays unknown; what it said last is in its log.
 */
export class AdoptedRunner implements RunnerProcess {
  readonly id: RunnerId;
  readonly pid: number;
  readonly socketPath: string;
  readonly spawnedAtEpochMs: number;
  readonly device: DeviceName | null;
  readonly startTicks: string;
  readonly #identity: AdoptedIdentity;
  readonly #channel: ControlChannel;
  readonly #listener: RunnerProcessListener;
  readonly #termination: Termination;
  #poll: NodeJS.Timeout | null = null;
  #gone = false;

  constructor(identity: AdoptedIdentity, channel: ControlChannel, listener: RunnerProcessListener) {
    this.id = identity.id;
    this.pid = identity.pid;
    this.socketPath = identity.socketPath;
    this.spawnedAtEpochMs = identity.spawnedAtEpochMs;
    this.device = identity.device;
    this.startTicks = identity.pidStartTicks;
    this.#identity = identity;
    this.#channel = channel;
    this.#listener = listener;
    this.#termination = new Termination({
      ask: (graceMs) => channel.tell({ type: 'shutdown', graceMs }),
      signal: (signal) => {
        if (startTicks(this.pid) === this.startTicks) signalGroup(this.pid, signal);
      },
    });
    void channel.broken.then((error) => this.#broken(error));
  }

  hasGone(): boolean {
    return this.#gone || hasGone(this.pid, this.startTicks);
  }

  order(body: OrderBody, onProgress?: (fraction: number) => void): Promise<Answer> {
    return this.#channel.order(body, onProgress);
  }

  lastLine(): string {
    return lastLine(this.#identity.logPath);
  }

  overhear(): () => string {
    return overhear(this.#identity.logPath);
  }

  stop(graceMs: number): void {
    if (this.#gone) return;
    this.#termination.begin(graceMs);
    this.#awaitExit();
  }

  endHung(): void {
    if (this.#gone) return;
    this.#termination.beginHung();
    this.#awaitExit();
  }

  letGo(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#termination.cancel();
    if (this.#poll) clearTimeout(this.#poll);
    this.#channel.close();
  }

  #broken(error: Error): void {
    if (this.#gone) return;
    this.#awaitExit();
    tellBroken(error, () => {
      if (!this.#gone) this.#listener.broken(error);
    });
  }

  #awaitExit(): void {
    if (this.#poll) return;
    const look = (): void => {
      if (this.hasGone()) this.#end();
      else this.#poll = setTimeout(look, EXIT_POLL_MS);
    };
    this.#poll = setTimeout(look, 1);
  }

  #end(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#termination.cancel();
    const { logPath } = this.#identity;
    const words = lastWords(logPath);
    rmSync(logPath, { force: true });
    rmSync(this.socketPath, { force: true });
    this.#listener.exited({ how: 'ended', byOthers: false, words });
  }
}
