import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import {
  type FromRunner,
  fromRunnerSchema,
  PROTOCOL_VERSION,
  type RunnerModel,
  type ToRunner,
} from '../../runner/protocol/control.ts';

export const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const ENTRY = path.join(ROOT, 'dist/runner.mjs');

/** By which it is adopted, as `r_test`. */
export const TEST_KEY = 'k'.repeat(43);

export const DEMO_MODELS = path.join(ROOT, 'demo/models');

/** The demo model as the tests load it. */
export function demoModel(overrides: Partial<RunnerModel> = {}): RunnerModel {
  return {
    id: 'tiny-chat',
    revision: 'r1',
    path: path.join(DEMO_MODELS, 'tiny-chat-q8_0.gguf'),
    contextTokens: 512,
    sequences: 8,
    threads: 1,
    deviceLayers: 0,
    device: null,
    useMmap: true,
    repack: false,
    kvBudgetBytes: null,
    ...overrides,
  };
}

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;
export type OrderBody = WithoutSeq<Extract<ToRunner, { seq: number }>>;
type Answer = Exclude<FromRunner, { type: 'ready' | 'adopted' | 'progress' }>;

/** A runner process that said `ready`. */
export interface StartedRunner {
  child: ChildProcess;
  control: Duplex;
  socketPath: string;
  ready: Extract<FromRunner, { type: 'ready' }>;
  /** Its exit, by code or signal. */
  exited: Promise<number | string>;
  tell(message: object): void;
  order(body: OrderBody): Promise<Answer>;
  log(): string;
  /** Ends it if it lives and removes its files. */
  dispose(): Promise<void>;
}

/** Starts `dist/runner.mjs` as the gateway does and waits for `ready`. */
export async function startRunner({
  leaseMs = 30_000,
  env = {},
}: {
  leaseMs?: number;
  env?: Record<string, string>;
} = {}): Promise<StartedRunner> {
  if (!existsSync(ENTRY))
    throw new Error(`Cannot start a runner: expected "${ENTRY}", run "npm run build" first`);
  const directory = mkdtempSync(path.join(tmpdir(), 'hearth-runner-'));
  const socketPath = path.join(directory, 's');
  const logPath = path.join(directory, 'log');
  const log = openSync(logPath, 'w');
  const child = spawn(process.execPath, [ENTRY], {
    detached: true,
    stdio: ['ignore', log, log, 'pipe'],
    env,
  });
  closeSync(log);
  const readLog = () => readFileSync(logPath, 'utf8');
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  const control = child.stdio[3] as Duplex;
  control.on('error', () => {});
  const heard = listen(control);
  const tell = (message: object) => void control.write(`${JSON.stringify(message)}\n`);
  tell({
    type: 'hello',
    version: PROTOCOL_VERSION,
    runnerId: 'r_test',
    socketPath,
    leaseMs,
    adoptionKey: TEST_KEY,
    device: null,
  });
  const died = exited.then((how) => {
    throw new Error(`Cannot start a runner: it ended with ${how} before ready: ${readLog()}`);
  });
  const ready = await Promise.race([heard.ready, died]);
  died.catch(() => {});
  let lastSeq = 0;
  return {
    child,
    control,
    socketPath,
    ready,
    exited,
    tell,
    order: (body) => {
      lastSeq += 1;
      const answer = heard.answer(lastSeq);
      tell({ ...body, seq: lastSeq });
      return Promise.race([
        answer,
        exited.then((how) => Promise.reject(new Error(`Runner ended with ${how}: ${readLog()}`))),
      ]);
    },
    log: readLog,
    dispose: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function listen(control: Duplex) {
  const waiting = new Map<number, (answer: Answer) => void>();
  let sayReady: (ready: Extract<FromRunner, { type: 'ready' }>) => void = () => {};
  const ready = new Promise<Extract<FromRunner, { type: 'ready' }>>((resolve) => {
    sayReady = resolve;
  });
  let rest = '';
  control.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const message = fromRunnerSchema.parse(JSON.parse(line));
      if (message.type === 'ready') sayReady(message);
      else if (message.type !== 'progress' && message.type !== 'adopted') waiting.get(message.seq)?.(message);
    }
  });
  const answer = (seq: number) => new Promise<Answer>((resolve) => waiting.set(seq, resolve));
  return { ready, answer };
}
