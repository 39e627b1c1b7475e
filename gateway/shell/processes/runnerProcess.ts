import type { DeviceName, RunnerId } from '../../domain/ids.ts';
import { type Answer, type OrderBody, ProtocolBroken } from './controlChannel.ts';
import type { ExitCause } from './exitCause.ts';

/** A process that dies closes its control pipe just before its exit is known, and the exit says more. */
const EXIT_FOLLOWS_MS = 100;

/** Tells of a broken control pipe: at once when the runner broke the protocol, else when no exit has followed. */
export function tellBroken(error: Error, tell: () => void): void {
  if (error instanceof ProtocolBroken) tell();
  else setTimeout(tell, EXIT_FOLLOWS_MS).unref();
}

/** The end of a runner process. */
export interface RunnerExit extends ExitCause {
  /** The last lines that it said, trimmed; '' without any. */
  readonly words: string;
}

/** What becomes of a runner process, told once each. */
export interface RunnerProcessListener {
  /** The control pipe broke or the handshake does not fit; the process may still live. */
  broken(error: Error): void;
  exited(exit: RunnerExit): void;
}

/** A living runner: a child of this gateway, or one that an earlier gateway spawned and this one adopted. */
export interface RunnerProcess {
  readonly id: RunnerId;
  /** null when the process could not be started. */
  readonly pid: number | null;
  readonly socketPath: string;
  readonly spawnedAtEpochMs: number;
  /** The one that it is to use; null: none. */
  readonly device: DeviceName | null;
  /** Names the process together with its pid; null when it could not be started or looked at. */
  readonly startTicks: string | null;
  /** For certain. */
  hasGone(): boolean;
  order(body: OrderBody, onProgress?: (fraction: number) => void): Promise<Answer>;
  /** What it said last, in one line; '' when it has said nothing. */
  lastLine(): string;
  /** From now on: the function that comes back gives the last lines that it has said since, trimmed; '' without any. */
  overhear(): () => string;
  /** Asks it to finish within `graceMs` and end; then SIGTERM, then SIGKILL. With no grace SIGTERM comes at once. */
  stop(graceMs: number): void;
  /** Ends one that hangs: SIGTERM at once, then SIGKILL. */
  endHung(): void;
  /** Closes the control pipe and looks no more: its lease begins, and nothing of it keeps this process alive. */
  letGo(): void;
}
