import { stream, type Target } from './streamClient.ts';

/** Of one warm request. */
export interface Sample {
  readonly ttftMs: number;
  readonly totalMs: number;
}

/** How much is asked of each target. */
export interface Turns {
  readonly rounds: number;
  readonly requestsPerRound: number;
  readonly clients: number;
}

/** Samples of targets that are asked in turns, each round in another order; a first round warms connections and code. */
export async function measureInTurns(
  targets: readonly Target[],
  { rounds, requestsPerRound, clients }: Turns,
  around: (target: Target, measured: () => Promise<void>) => Promise<void> = (_target, measured) =>
    measured(),
): Promise<Map<string, Sample[]>> {
  const samples = new Map<string, Sample[]>(targets.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index] of targets.entries()) {
      const target = targets[(index + round) % targets.length];
      if (!target) continue;
      const measured = async () => {
        const list = await ask(target, requestsPerRound, clients);
        if (round > 0) samples.get(target.name)?.push(...list);
      };
      await (round > 0 ? around(target, measured) : measured());
    }
  }
  return samples;
}

async function ask(target: Target, requests: number, clients: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const client = async (): Promise<void> => {
    for (let at = 0; at < requests / clients; at += 1) {
      const startedMs = performance.now();
      const { ttftMs } = await stream(target, 'Hello', 4);
      samples.push({ ttftMs, totalMs: performance.now() - startedMs });
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return samples;
}

/** `share`: 0 to 1. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
