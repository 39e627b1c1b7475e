import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import {
  type FromRunner,
  fromRunnerSchema,
  PROTOCOL_VERSION,
  type ToRunner,
} from '../../runner/protocol/control.ts';

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;
type Order = WithoutSeq<Extract<ToRunner, { seq: number }>>;
type Ready = Extract<FromRunner, { type: 'ready' }>;
type Answer<T extends FromRunner['type']> = Extract<FromRunner, { type: T }>;

/** A runner alone, driven as a gateway does. */
export interface RunnerProcess {
  readonly ready: Ready;
  /** From its spawn to `ready`. */
  readonly readyMs: number;
  readonly pid: number;
  readonly socketPath: string;
  /** Throws when the answer is another one. */
  order<T extends FromRunner['type']>(order: Order, type: T): Promise<Answer<T>>;
  end(): Promise<void>;
}

/** What says where libraries and devices are. */
const INHERITED = [
  'PATH',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'GGML_BACKEND_PATH',
  'HEARTH_LLAMA_DIR',
];

function inherited(): Record<string, string> {
  return Object.fromEntries(
    INHERITED.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
}

/** `dist/runner.mjs` of the working directory, with this environment beside what says where libraries and devices are. */
export async function startRunner(environment: Record<string, string>): Promise<RunnerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'hearth-bench-'));
  const log = openSync(join(folder, 'log'), 'w');
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['dist/runner.mjs'], {
    stdio: ['ignore', log, log, 'pipe'],
    env: { ...inherited(), ...environment },
  });
  closeSync(log);
  const control = child.stdio[3] as Duplex;
  const heard = new Mailbox(child, control, () => readFileSync(join(folder, 'log'), 'utf8'));
  const socketPath = join(folder, 's');
  heard.tell({
    type: 'hello',
    version: PROTOCOL_VERSION,
    runnerId: 'r_bench',
    socketPath,
    leaseMs: 0,
    adoptionKey: 'k'.repeat(43),
    device: null,
  });
  const ready = await heard.take('ready');
  const readyMs = performance.now() - startedMs;
  let seq = 0;
  return {
    ready,
    readyMs,
    pid: child.pid ?? 0,
    socketPath,
    order: (order, type) => {
      seq += 1;
      heard.tell({ ...order, seq });
      return heard.take(type);
    },
    end: async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What the runner says, one message after the other. */
class Mailbox {
  readonly #control: Duplex;
  readonly #arrived: FromRunner[] = [];
  #wake: () => void = () => {};
  #end: Error | null = null;

  constructor(child: ChildProcess, control: Duplex, log: () => string) {
    this.#control = control;
    let rest = '';
    control.on('error', () => {});
    control.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#arrived.push(fromRunnerSchema.parse(JSON.parse(line)));
      this.#wake();
    });
    child.once('exit', (code, signal) => {
      this.#end = new Error(`Cannot go on: the runner ended with ${code ?? signal}: ${log()}`);
      this.#wake();
    });
  }

  tell(message: ToRunner): void {
    this.#control.write(`${JSON.stringify(message)}\n`);
  }

  async take<T extends FromRunner['type']>(type: T): Promise<Answer<T>> {
    for (;;) {
      const message = this.#arrived.shift();
      if (message === undefined) {
        if (this.#end !== null) throw this.#end;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (message.type === type) {
        return message as Answer<T>;
      } else if (message.type !== 'progress') {
        throw new Error(`Cannot go on: expected "${type}", got ${JSON.stringify(message)}`);
      }
    }
  }
}
