import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Benchmarks are bundled and run from the package's root. */
export const ROOT = process.cwd();

/** A gateway to be measured: a process of its own on a free loopback port. */
export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  readonly adminToken: string;
  /** Sockets of the runners that live now. */
  runnerSockets(): string[];
  runners(): Promise<{ readonly pid: number; readonly state: string; readonly base: string | null }[]>;
  stop(): Promise<void>;
}

export interface GatewayProcessOptions {
  /** 1 unless given. */
  readonly standbys?: number;
  /** JavaScript that its process runs before the gateway. */
  readonly before?: string;
  /** A file to go on with, which it writes to. */
  readonly database?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export async function startGateway(
  yaml: string,
  { standbys = 1, before = '', database, environment = {} }: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
  const directory = mkdtempSync(join(tmpdir(), 'hearth-bench-'));
  const dataDir = join(directory, 'data');
  if (database !== undefined) {
    mkdirSync(dataDir, { mode: 0o700 });
    symlinkSync(database, join(dataDir, 'hearth.db'));
  }
  writeFileSync(join(directory, 'hearth.yaml'), yaml);
  const child = spawn(
    process.execPath,
    ['-e', `${before};import(${JSON.stringify(join(ROOT, 'dist/gateway.mjs'))}).then((m) => m.main())`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HEARTH_CONFIG: join(directory, 'hearth.yaml'),
        HEARTH_DATA_DIR: dataDir,
        HEARTH_PORT: '0',
        HEARTH_LOG_LEVEL: 'warn',
        HEARTH_STANDBYS: String(standbys),
        ...environment,
      },
    },
  );
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const url = /http:\/\/\S+/.exec(line)?.[0] ?? '';
  const adminToken = readFileSync(join(dataDir, 'admin-token'), 'utf8').trim();
  return {
    url,
    pid: child.pid ?? 0,
    adminToken,
    runnerSockets: () =>
      readdirSync(join(dataDir, 'run'))
        .filter((name) => name.endsWith('.sock'))
        .map((name) => join(dataDir, 'run', name)),
    async runners() {
      const answer = await fetch(`${url}/admin/v1/runners`, {
        headers: { authorization: `Bearer ${adminToken}` },
      });
      const { data } = (await answer.json()) as {
        data: { pid: number; state: string; base: string | null }[];
      };
      return data;
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The demo's files with the sequences and context that a benchmark wants. */
export function demoYaml(sequences: number, contextTokens: number): string {
  const models = join(ROOT, 'demo/models');
  return `
models: [{ id: tiny-chat, path: ${models}/tiny-chat-q8_0.gguf, context: ${contextTokens}, sequences: ${sequences} }]
adapters: [{ id: pirate, base: tiny-chat, path: ${models}/lora-pirate.gguf }]
`;
}

/** User and system CPU of a process so far, in milliseconds (proc(5): fields 14 and 15, 100 ticks a second). */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
