/** A stager process as the gateway starts it, and orders to it as promises. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { LineReader } from '../../runner/protocol/lines.ts';
import {
  type FromStager,
  fromStagerSchema,
  STAGER_PROTOCOL_VERSION,
  type StagerOrder,
  type ToStager,
} from '../../stager/protocol/messages.ts';

const ENTRY = join(import.meta.dirname, '..', '..', 'dist', 'stager.mjs');

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;
export type OrderBody = WithoutSeq<StagerOrder>;
export type StageBody = Extract<OrderBody, { type: 'stage' }>;
export type Progress = Extract<FromStager, { type: 'progress' }>;
export type Staged = Extract<FromStager, { type: 'staged' }>;
type Hello = Extract<ToStager, { type: 'hello' }>;

const UNBOUND = { bases: null, adapters: null };

export interface StartedStager {
  readonly child: ChildProcess;
  readonly ready: Promise<FromStager>;
  /** Its exit, by code or signal. */
  readonly exited: Promise<number | string>;
  /** What it wrote on standard error. */
  log(): string;
  tell(message: object): void;
  /** Sends an order; `seq` is known at once, so that it can be cancelled. */
  begin(
    body: OrderBody,
    onProgress?: (progress: Progress) => void,
  ): { seq: number; answer: Promise<FromStager> };
  order(body: OrderBody): Promise<FromStager>;
  /** An order to stage that is expected to go well. */
  stage(path: string, more?: Partial<StageBody>): Promise<Staged>;
  end(): Promise<void>;
}

export function stageBody(path: string, more: Partial<StageBody> = {}): StageBody {
  const sources: StageBody['sources'] = [{ kind: 'path', path }];
  return { type: 'stage', tier: 'memory', book: 'bases', priority: 'demand', sources, ...more };
}

/** Without `hello` and `ready`. */
export function spawnStager(): StartedStager {
  if (!existsSync(ENTRY))
    throw new Error(`Cannot start a stager: expected "${ENTRY}", run "npm run build" first`);
  const child = spawn(process.execPath, [ENTRY], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'], env: {} });
  const control = child.stdio[3] as Duplex;
  const exited = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string);
  let log = '';
  child.stderr?.on('data', (text: Buffer) => {
    log += text.toString();
  });
  control.on('error', () => {});
  const waiting = new Map<
    number,
    { resolve: (answer: FromStager) => void; onProgress: (told: Progress) => void }
  >();
  const reader = new LineReader((line) => {
    const message = fromStagerSchema.parse(line.ok ? line.value : null);
    if (message.type === 'progress') return waiting.get(message.seq)?.onProgress(message);
    const seq = message.type === 'ready' ? 0 : message.seq;
    waiting.get(seq)?.resolve(message);
    waiting.delete(seq);
  });
  control.on('data', (chunk: Buffer) => reader.push(chunk));
  const died = exited.then((how) => {
    throw new Error(`Cannot hear the stager: it ended with ${how}: ${log}`);
  });
  died.catch(() => {});
  const tell = (message: object): void => void control.write(`${JSON.stringify(message)}\n`);
  const expectAnswer = (
    seq: number,
    onProgress: (told: Progress) => void = () => {},
  ): Promise<FromStager> => {
    const answer = new Promise<FromStager>((resolve) => waiting.set(seq, { resolve, onProgress }));
    const first = Promise.race([answer, died]);
    first.catch(() => {});
    return first;
  };
  let lastSeq = 0;
  const begin: StartedStager['begin'] = (body, onProgress) => {
    lastSeq += 1;
    const seq = lastSeq;
    const answer = expectAnswer(seq, onProgress);
    tell({ ...body, seq });
    return { seq, answer };
  };
  const stager: StartedStager = {
    child,
    exited,
    log: () => log,
    ready: expectAnswer(0),
    tell,
    begin,
    order: (body) => begin(body).answer,
    async stage(path, more) {
      const answer = await begin(stageBody(path, more)).answer;
      if (answer.type !== 'staged') throw new Error(`Cannot stage "${path}": ${JSON.stringify(answer)}`);
      return answer;
    },
    async end() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exited;
    },
  };
  return stager;
}

export function hello(root: string, more: Partial<Hello> = {}): Hello {
  return {
    type: 'hello',
    version: STAGER_PROTOCOL_VERSION,
    memory: { root, budgets: UNBOUND },
    disk: null,
    prefetchBytesPerSecond: null,
    collapses: true,
    ...more,
  };
}

/** One that said `ready`. */
export async function startStager(root: string, more: Partial<Hello> = {}): Promise<StartedStager> {
  const stager = spawnStager();
  stager.tell(hello(root, more));
  await stager.ready;
  return stager;
}

/** A moment that is waited for. */
export class Moment {
  readonly come: Promise<void>;
  /** It has come. */
  say: () => void = () => {};

  constructor() {
    this.come = new Promise((resolve) => {
      this.say = resolve;
    });
  }
}
