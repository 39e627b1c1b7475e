import { Counter, Gauge, type Registry } from 'prom-client';
import type { RunnerOccupancy } from '../ports/telemetry.ts';

/** Used of a budget, in bytes. */
export interface Filling {
  readonly used: number;
  readonly budget: number;
}

/** What is read when Prometheus asks. */
export interface PoolReadings {
  waitingRequests(): number;
  runnersByState(): ReadonlyMap<string, number>;
  /** By device; `host` for the host's memory. */
  memory(): ReadonlyMap<string, Filling>;
  /** Of the weight store by book; empty without one. */
  store(): ReadonlyMap<string, Filling>;
  /** Combos and bases that are not started now because they failed to. */
  quarantines(): number;
  /** Of the living runners with a base. */
  occupancy(): readonly RunnerOccupancy[];
  ledger(): { readonly pending: number; readonly lost: number; readonly commits: number };
}

type Labels = Readonly<Record<string, string>>;
type Read = () => Iterable<readonly [Labels, number]>;
type Kind = 'gauge' | 'counter';

/** Registers what is read and not counted. */
export function registerPoolGauges(registry: Registry, readings: PoolReadings): void {
  const add = (kind: Kind, name: string, help: string, labelNames: string[], read: Read): void => {
    register(registry, kind, { name, help, labelNames }, read);
  };
  const one = (kind: Kind, name: string, help: string, value: () => number): void => {
    add(kind, name, help, [], () => [[{}, value()]]);
  };
  const fillings = (
    prefix: string,
    of: string,
    label: string,
    all: () => ReadonlyMap<string, Filling>,
  ): void => {
    const rows = (part: keyof Filling) => () =>
      [...all()].map(([name, filling]) => [{ [label]: name }, filling[part]] as const);
    add('gauge', `${prefix}_used_bytes`, `Used ${of}.`, [label], rows('used'));
    add('gauge', `${prefix}_budget_bytes`, `All ${of}.`, [label], rows('budget'));
  };
  one('gauge', 'hearth_waiting_requests', 'Requests that wait for a runner.', () =>
    readings.waitingRequests(),
  );
  add('gauge', 'hearth_runners', 'Living runner processes by state.', ['state'], () =>
    [...readings.runnersByState()].map(([state, count]) => [{ state }, count] as const),
  );
  one('gauge', 'hearth_quarantined', 'Bases and combos that are not started now.', () =>
    readings.quarantines(),
  );
  fillings('hearth_memory', 'of the budget for runners', 'device', () => readings.memory());
  fillings('hearth_store', 'of the weight store', 'book', () => readings.store());
  one(
    'gauge',
    'hearth_ledger_pending_writes',
    'Writes that wait for the disk.',
    () => readings.ledger().pending,
  );
  const lost = 'Background writes that were dropped or failed.';
  one('counter', 'hearth_ledger_lost_writes_total', lost, () => readings.ledger().lost);
  one(
    'counter',
    'hearth_ledger_commits_total',
    'Transactions, each with one fsync.',
    () => readings.ledger().commits,
  );
  for (const [kind, name, help, field] of PER_RUNNER) {
    add(kind, name, help, ['runner', 'base'], () =>
      readings.occupancy().map((row) => [{ runner: row.runner, base: row.base }, row[field]] as const),
    );
  }
}

function register(
  registry: Registry,
  kind: Kind,
  about: { readonly name: string; readonly help: string; readonly labelNames: string[] },
  read: Read,
): void {
  const options = { ...about, registers: [registry] };
  const refill = (metric: Gauge | Counter): void => {
    metric.reset();
    for (const [labels, value] of read()) metric.inc(labels, value);
  };
  if (kind === 'gauge')
    new Gauge({
      ...options,
      collect() {
        refill(this);
      },
    });
  else
    new Counter({
      ...options,
      collect() {
        refill(this);
      },
    });
}

/** What probes brought of each runner. A rate of `x` by the rate of `possible_x` is the share that was used over any interval. */
const PER_RUNNER: readonly (readonly [
  kind: Kind,
  name: string,
  help: string,
  field: Exclude<keyof RunnerOccupancy, 'runner' | 'base'>,
])[] = [
  ['gauge', 'hearth_runner_sequences', 'Requests that may run at the same time.', 'possibleSequences'],
  ['gauge', 'hearth_runner_active_sequences', 'Requests that run.', 'activeSequences'],
  ['gauge', 'hearth_runner_waiting_requests', 'Requests without a sequence yet.', 'waitingRequests'],
  ['gauge', 'hearth_runner_kv_bytes', 'KV caches of all contexts.', 'kvBytes'],
  ['gauge', 'hearth_runner_kv_cells', 'Places of tokens in the KV caches of all contexts.', 'kvCells'],
  ['gauge', 'hearth_runner_used_kv_cells', 'Those with a token of a request that runs.', 'usedKvCells'],
  ['gauge', 'hearth_runner_resident_bytes', 'Resident memory, shared pages included.', 'residentBytes'],
  ['counter', 'hearth_runner_decode_calls_total', 'Decode calls of the engine.', 'decodeCalls'],
  ['counter', 'hearth_runner_batch_tokens_total', 'Tokens of all decode calls.', 'batchTokens'],
  [
    'counter',
    'hearth_runner_possible_batch_tokens_total',
    'Tokens that these calls would have taken.',
    'possibleBatchTokens',
  ],
  [
    'counter',
    'hearth_runner_batch_sequences_total',
    'Sequences with a token in a decode call, over all calls.',
    'batchSequences',
  ],
  [
    'counter',
    'hearth_runner_possible_batch_sequences_total',
    'Sequences of the context that decodes, over all calls.',
    'possibleBatchSequences',
  ],
  [
    'counter',
    'hearth_runner_kv_cell_steps_total',
    'Used KV cells after a decode call, over all calls.',
    'kvCellSteps',
  ],
  [
    'counter',
    'hearth_runner_possible_kv_cell_steps_total',
    'KV cells after a decode call, over all calls.',
    'possibleKvCellSteps',
  ],
  ['counter', 'hearth_runner_decoded_tokens_total', 'Tokens that were sampled.', 'decodedTokens'],
  ['counter', 'hearth_runner_prompt_tokens_total', 'Prompt tokens that got a sequence.', 'promptTokens'],
];
