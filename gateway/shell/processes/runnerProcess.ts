import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { PROTOCOL_VERSION } from '../../../runner/protocol/control.ts';
import type { RunnerId } from '../../domain/ids.ts';
import { type Answer, ControlChannel, type OrderBody } from './controlChannel.ts';
import { lastWords } from './lastWords.ts';
import { signalGroup, startTicks } from './procfs.ts';

/** How runner processes are started. */
export interface RunnerProcessSettings {
  /** The bundled runner. */
  readonly entry: string;
  /** For sockets and logs; mode 0700. Its path must leave room for a socket's name in 107 bytes. */
  readonly runDir: string;
  readonly leaseMs: number;
  /** The allow-listed environment. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What becomes of a runner process, told once each. */
export interface RunnerProcessListener {
  ready(): void;
  /** The control pipe broke or the handshake does not fit; the process may still live. */
  broken(error: Error): void;
  exited(how: string, words: string): void;
}

const KILL_AFTER_MS = 2_000;
const EXIT_FOLLOWS_MS = 100;

/** One runner: a child in a process group of its own, its control pipe, socket and log. */
export class RunnerProcess {
  readonly id: RunnerId;
  readonly socketPath: string;
  readonly spawnedAtEpochMs: number;
  readonly #child: ChildProcess;
  readonly #channel: ControlChannel;
  readonly #logPath: string;
  #killTimer: NodeJS.Timeout | null = null;
  #gone = false;
  #deviceKinds: readonly string[] = [];

  constructor(
    id: RunnerId,
    settings: RunnerProcessSettings,
    nowEpochMs: number,
    listener: RunnerProcessListener,
  ) {
    this.id = id;
    this.spawnedAtEpochMs = nowEpochMs;
    this.socketPath = join(settings.runDir, `${id}.sock`);
    this.#logPath = join(settings.runDir, `${id}.log`);
    const log = openSync(this.#logPath, 'a', 0o600);
    try {
      this.#child = spawn(process.execPath, [settings.entry], {
        detached: true,
        stdio: ['ignore', log, log, 'pipe'],
        env: { ...settings.environment },
        cwd: settings.runDir,
      });
    } finally {
      closeSync(log);
    }
    this.#child.once('error', (error) => this.#end(`could not be started: ${error.message}`, listener));
    this.#child.once('exit', (code, signal) => {
      this.#end(signal ? `was ended by ${signal}` : `exited with code ${code}`, listener);
    });
    this.#channel = new ControlChannel(
      this.#child.stdio[3] as Duplex,
      (ready) => {
        this.#deviceKinds = ready.engine.devices.map(({ kind }) => kind);
        if (ready.version === PROTOCOL_VERSION) listener.ready();
        else listener.broken(new Error(`protocol version ${ready.version}, expected ${PROTOCOL_VERSION}`));
      },
      // A process that dies closes its pipe just before its exit is known, and the exit says why.
      (error) => {
        setTimeout(() => {
          if (!this.#gone) listener.broken(error);
        }, EXIT_FOLLOWS_MS);
      },
    );
    this.#channel.tell({
      type: 'hello',
      version: PROTOCOL_VERSION,
      runnerId: id,
      socketPath: this.socketPath,
      leaseMs: settings.leaseMs,
    });
  }

  /** null when the process could not be started. */
  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Names the process together with its pid; null when it has gone. */
  startTicks(): string | null {
    return this.pid === null ? null : startTicks(this.pid);
  }

  /** As its engine found them (`cpu`, `gpu`, ...); none before the handshake. */
  get deviceKinds(): readonly string[] {
    return this.#deviceKinds;
  }

  order(body: OrderBody, onProgress?: (fraction: number) => void): Promise<Answer> {
    return this.#channel.order(body, onProgress);
  }

  /** Asks it to finish within `graceMs` and end; then SIGTERM, then SIGKILL. With no grace SIGTERM comes at once. */
  stop(graceMs: number): void {
    if (this.#gone) return;
    if (this.#killTimer) clearTimeout(this.#killTimer);
    if (graceMs <= 0) {
      this.#terminate();
      return;
    }
    this.#channel.tell({ type: 'shutdown', graceMs });
    this.#killTimer = setTimeout(() => this.#terminate(), graceMs + KILL_AFTER_MS);
  }

  #terminate(): void {
    if (this.#gone || this.pid === null) return;
    const { pid } = this;
    signalGroup(pid, 'SIGTERM');
    this.#killTimer = setTimeout(() => {
      if (!this.#gone) signalGroup(pid, 'SIGKILL');
    }, KILL_AFTER_MS);
  }

  #end(how: string, listener: RunnerProcessListener): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#killTimer) clearTimeout(this.#killTimer);
    const words = lastWords(this.#logPath);
    rmSync(this.#logPath, { force: true });
    rmSync(this.socketPath, { force: true });
    listener.exited(how, words);
  }
}
