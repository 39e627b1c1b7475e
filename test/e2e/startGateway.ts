import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';

/** The package's root; tests run the bundles that `npm test` built. */
export const ROOT = join(import.meta.dirname, '../..');

export interface GatewayOptions {
  /** YAML text; the demo catalogue without it. Relative paths are relative to the data directory's parent. */
  readonly config?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Processes kept without a base: 0 where a test counts processes or wants a spawn; the default unless given. */
  readonly standbys?: number;
  /** What is started as a runner in place of the bundled one. */
  readonly runner?: string;
  /** An earlier gateway's directory, to start again on it. */
  readonly directory?: string;
}

/** A real gateway in a child process, on a free loopback port, with a data directory of its own. */
export class TestGateway {
  readonly directory: string;
  readonly url: string;
  readonly child: ChildProcess;
  readonly readyLine: string;
  /** Standard error up to now: the log. */
  readonly log: () => string;

  constructor(directory: string, child: ChildProcess, readyLine: string, log: () => string) {
    this.directory = directory;
    this.child = child;
    this.readyLine = readyLine;
    this.url = /https?:\/\/\S+/.exec(readyLine)?.[0] ?? '';
    this.log = log;
  }

  get dataDir(): string {
    return join(this.directory, 'data');
  }

  get adminToken(): string {
    return readFileSync(join(this.dataDir, 'admin-token'), 'utf8').trim();
  }

  /** OpenAI's own client, unmodified. */
  openai(options: { maxRetries?: number; defaultHeaders?: Readonly<Record<string, string>> } = {}): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: 'any', maxRetries: 0, ...options });
  }

  post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...init,
    });
  }

  async admin(method: string, path: string, body?: unknown): Promise<{ status: number; json: any }> {
    const response = await fetch(`${this.url}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.adminToken}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: await response.json() };
  }

  /** The living runners as the admin API lists them. */
  async runners(): Promise<
    { id: string; pid: number; state: string; base: string | null; combos: string[] }[]
  > {
    return (await this.admin('GET', '/runners')).json.data;
  }

  /** Ends the gateway with a signal and resolves with its exit code, null when a signal ended it. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return this.child.exitCode;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    const [code] = await exited;
    return code as number | null;
  }

  /** Ends it if it still runs and removes its directory. */
  async dispose(): Promise<void> {
    await this.end();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a gateway and resolves when it says that it is ready. Rejects with its standard error when it ends before. */
export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'hearth-e2e-'));
  const configPath = join(directory, 'hearth.yaml');
  if (options.config !== undefined) writeFileSync(configPath, options.config);
  const child = spawn(
    process.execPath,
    [
      '--enable-source-maps',
      '-e',
      `import(${JSON.stringify(join(packageRoot(directory, options.runner), 'dist/gateway.mjs'))}).then((m) => m.main())`,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HEARTH_DATA_DIR: join(directory, 'data'),
        HEARTH_PORT: '0',
        HEARTH_LEASE: '2s',
        // What one test has staged would change how another one's starts are called.
        HEARTH_STORE_DIR: 'off',
        ...(options.standbys === undefined ? {} : { HEARTH_STANDBYS: String(options.standbys) }),
        ...(existsSync(configPath) ? { HEARTH_CONFIG: configPath } : {}),
        ...options.environment,
      },
    },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const lines = createInterface({ input: child.stdout });
  const ready = await Promise.race([once(lines, 'line'), once(child, 'exit')]);
  if (typeof ready[0] !== 'string') throw new Error(`the gateway ended with ${ready[0]}: ${log}`);
  return new TestGateway(directory, child, ready[0], () => log);
}

/** The built package, or a copy of what of it runs with another runner. */
function packageRoot(directory: string, runner: string | undefined): string {
  if (runner === undefined) return ROOT;
  const copy = join(directory, 'package');
  mkdirSync(join(copy, 'dist'), { recursive: true });
  for (const name of ['gateway.mjs', 'dbWriter.mjs', 'dbReader.mjs'])
    copyFileSync(join(ROOT, 'dist', name), join(copy, 'dist', name));
  copyFileSync(runner, join(copy, 'dist/runner.mjs'));
  for (const name of ['node_modules', 'migrations', 'demo', 'package.json'])
    symlinkSync(join(ROOT, name), join(copy, name));
  return copy;
}

/** Resolves when `probe` is true; it is asked again whenever the event loop is free, at most for `limitMs`. */
export async function until(
  probe: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 20_000,
): Promise<void> {
  const started = performance.now();
  while (!(await probe())) {
    if (performance.now() - started > limitMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether a process lives; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A YAML catalogue of the demo's files under any settings. */
export function demoConfig(extra = ''): string {
  const models = join(ROOT, 'demo/models');
  return `
models:
  - { id: tiny-chat, path: ${models}/tiny-chat-q8_0.gguf, context: 2048, sequences: 8 }
adapters:
  - { id: pirate, base: tiny-chat, path: ${models}/lora-pirate.gguf }
  - { id: json, base: tiny-chat, path: ${models}/lora-json.gguf }
${extra}`;
}
