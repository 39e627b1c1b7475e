/**
 * What it costs on the CPU not to repack weights: prefill and decode of one runner that maps its file as it is, and of one that
 * has repacked it into private memory (llama.cpp's `use_extra_bufts`), in turns within one run. Both are there all the time, and the
 * one that is not asked sleeps. Beside wall time the processor time, which other work on the machine does not lengthen so much.
 * Flags: `--types=Q8_0,Q4_K_M,Q4_0`, `--threads=2`, `--rounds=7`, `--layers=22`, `--prompt=256`, `--decode=32`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { flag } from './harness/flags.ts';
import { cpuMs } from './harness/gatewayProcess.ts';
import { type LoadedRunner, loadRunner } from './harness/loadedRunner.ts';
import { MADE_TYPES, type MadeType, makeModel } from './harness/madeModel.ts';
import { median, stream } from './harness/streamClient.ts';

const CHOSEN = flag('types', MADE_TYPES.join(',')).split(',');
const THREADS = Number(flag('threads', '2'));
const ROUNDS = Number(flag('rounds', '7'));
const LAYERS = Number(flag('layers', '22'));
const PROMPT_WORDS = Number(flag('prompt', '256'));
const DECODE_TOKENS = Number(flag('decode', '32'));

/** Milliseconds of one token. */
interface Turn {
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly prefillCpuMs: number;
  readonly decodeCpuMs: number;
}

/** No two prompts begin alike, so that nothing of an earlier one's KV cache is used. */
const promptOf = (round: number): string => `${round} ${'fox '.repeat(PROMPT_WORDS)}`;

async function turn({ target, process: { pid } }: LoadedRunner, round: number): Promise<Turn> {
  const beforeMs = cpuMs(pid);
  const prefill = await stream(target, promptOf(round), 1);
  const betweenMs = cpuMs(pid);
  const decode = await stream(target, `${round}`, DECODE_TOKENS);
  const decodeCpu = cpuMs(pid) - betweenMs;
  return {
    prefillMs: prefill.ttftMs / prefill.promptTokens,
    decodeMs: (decode.totalMs - decode.ttftMs) / (decode.tokens - 1),
    prefillCpuMs: (betweenMs - beforeMs) / prefill.promptTokens,
    // Its short prompt is a pass, too.
    decodeCpuMs: decodeCpu / decode.tokens,
  };
}

function print(made: MadeType, plain: readonly Turn[], repacked: readonly Turn[], loads: number[]): void {
  const middle = (turns: readonly Turn[], field: keyof Turn): number =>
    median(turns.map((each) => each[field]));
  const rows = (['prefill', 'decode'] as const).map((what) => {
    const [wall, cpu] = [`${what}Ms`, `${what}CpuMs`] as const;
    const rate = (turns: readonly Turn[]): string => (1000 / middle(turns, wall)).toFixed(1);
    const ratio = (field: keyof Turn): string => (middle(repacked, field) / middle(plain, field)).toFixed(2);
    return {
      '': what,
      'tokens/s, as it is': rate(plain),
      repacked: rate(repacked),
      'of repacked': ratio(wall),
      'CPU ms a token, as it is': middle(plain, cpu).toFixed(1),
      'repacked ': middle(repacked, cpu).toFixed(1),
      'of repacked, by CPU': ratio(cpu),
    };
  });
  const [plainLoad, repackedLoad] = loads.map((ms) => ms.toFixed(0));
  console.log(
    `\n${made}, ${THREADS} threads on ${availableParallelism()} cores, ${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)}; loaded in ${plainLoad} and ${repackedLoad} ms`,
  );
  console.table(rows);
}

async function compare(folder: string, made: MadeType): Promise<void> {
  const path = join(folder, `${made}.gguf`);
  await makeModel(path, made, LAYERS);
  const runners: LoadedRunner[] = [];
  try {
    for (const repack of [false, true])
      runners.push(
        await loadRunner({ path }, { useMmap: true, repack }, { threads: THREADS, contextTokens: 1024 }),
      );
    const turns: Turn[][] = runners.map(() => []);
    for (let round = 0; round <= ROUNDS; round += 1)
      for (const [index, runner] of runners.entries()) {
        const measured = await turn(runner, round);
        // The first round touches every page for the first time.
        if (round > 0) turns[index]?.push(measured);
      }
    print(
      made,
      turns[0] ?? [],
      turns[1] ?? [],
      runners.map(({ loadMs }) => loadMs),
    );
  } finally {
    for (const runner of runners) await runner.end();
    rmSync(path);
  }
}

const folder = mkdtempSync('/dev/shm/hearth-bench-repack-');
try {
  for (const made of MADE_TYPES) if (CHOSEN.includes(made)) await compare(folder, made);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
