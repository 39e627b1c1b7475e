/**
 * Reports over a ledger of synthetic rows: how exact the percentiles are, how long reports take, and whether requests that are
 * written meanwhile, and whole requests through a gateway, wait longer. `--rows=10000000 --dir=/somewhere/large --keep=yes`; a database
 * that was kept is timed again by `--again=/its/directory`.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, openDatabase } from '../db/openDatabase.ts';
import type { GroupQuery } from '../gateway/domain/reportFigures.ts';
import { requestRecord } from '../test/fakes/records.ts';
import { flag } from './harness/flags.ts';
import { besideRequests } from './reports/besideRequests.ts';
import { type Growing, type Remembered, type Traffic, writeRows } from './reports/ledgerRows.ts';

const DAY_MS = 86_400_000;
const ROWS = Number(flag('rows', '200000'));
const ROUNDS = Number(flag('rounds', '15'));
/** How long appends are measured in each of the scenes. */
const WATCH_MS = Number(flag('watch', '15')) * 1000;
const PS = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 } as const;

const root = process.cwd();
const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const traffic: Traffic = {
  rows: ROWS,
  days: 30,
  untilEpochMs: midnight,
  combos: Number(flag('combos', '60')),
  keys: 20,
};
const from = midnight - 30 * DAY_MS;
const base: GroupQuery = {
  cube: 'latency',
  combo: null,
  fromEpochMs: from,
  toEpochMs: null,
  groupBy: ['combo', 'start_kind'],
};

const oddTimes = { fromEpochMs: from + 33_443_500, toEpochMs: midnight - 33_468_800 };

const REPORTS: readonly (readonly [string, GroupQuery])[] = [
  ['latency by combo and kind, 30 days', base],
  ['the same, from 09:17:23.5 to 14:42:11.2', { ...base, ...oddTimes }],
  ['the same, of one combo', { ...base, combo: 'base-1' }],
  ['latency by combo, kind and day', { ...base, groupBy: ['combo', 'start_kind', 'day'] }],
  ['latency by kind and day', { ...base, groupBy: ['start_kind', 'day'] }],
  ['latency by kind and hour', { ...base, groupBy: ['start_kind', 'hour'] }],
  [
    'latency by base and hour, 10 days',
    { ...base, fromEpochMs: midnight - 10 * DAY_MS, groupBy: ['base', 'hour'] },
  ],
  ['latency by key', { ...base, cube: 'keyLatency', groupBy: ['key'] }],
  ['starts by kind and tier', { ...base, cube: 'starts', groupBy: ['start_kind', 'tier'] }],
  ['billing by key and model', { ...base, cube: 'usage', groupBy: ['key', 'base'] }],
];

function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(p * (sorted.length - 1))] ?? Number.NaN;
}

const seconds = (sinceMs: number) => ((performance.now() - sinceMs) / 1000).toFixed(1);

async function open(directory: string): Promise<Database> {
  return openDatabase({
    path: join(directory, 'bench.db'),
    migrationsDir: join(root, 'migrations'),
    workerDir: join(root, 'dist'),
  });
}

async function rollUp(database: Database): Promise<void> {
  const sinceMs = performance.now();
  let [steps, longestMs] = [0, 0];
  for (;;) {
    const beganMs = performance.now();
    if ((await database.rollUps.step(Date.now(), Number(flag('step', '10000')))) === 0) break;
    steps += 1;
    longestMs = Math.max(longestMs, performance.now() - beganMs);
  }
  const rate = Math.round(ROWS / ((performance.now() - sinceMs) / 1000));
  console.log(
    `rolled up in ${seconds(sinceMs)} s, ${steps} steps, the longest ${longestMs.toFixed(0)} ms: ${rate} rows/s`,
  );
}

async function pack(database: Database): Promise<void> {
  const sinceMs = performance.now();
  let [steps, longestMs] = [0, 0];
  for (;;) {
    const beganMs = performance.now();
    if (!(await database.rollUps.pack(Date.now()))) break;
    steps += 1;
    longestMs = Math.max(longestMs, performance.now() - beganMs);
  }
  console.log(`packed in ${seconds(sinceMs)} s, ${steps} steps, the longest ${longestMs.toFixed(0)} ms`);
}

/** The largest relative error of every percentile of every group that has at least 1000 requests. */
async function compare(database: Database, remembered: Remembered): Promise<void> {
  const groups = (await database.reports.groups(base)) ?? [];
  const worst: Record<string, number> = {};
  let [counted, compared] = [0, 0];
  for (const { by, counters, measures } of groups) {
    counted += counters.answered ?? 0;
    for (const measure of ['ttft', 'total'] as const) {
      const values: Growing | undefined = remembered[measure].get(
        `${String(by.combo)} ${String(by.start_kind)}`,
      );
      const stats = measures[measure];
      if (!values || !stats || values.length < 1000) continue;
      compared += 1;
      for (const [index, exact] of values.quantiles(Object.values(PS)).entries()) {
        const name = Object.keys(PS)[index] as keyof typeof PS;
        const error = Math.abs(stats[name] - exact) / exact;
        worst[name] = Math.max(worst[name] ?? 0, error);
      }
    }
  }
  const exactCount = [...remembered.total.values()].reduce((sum, { length }) => sum + length, 0);
  console.log(`\n| ${compared} distributions | largest error |\n|---|---|`);
  for (const [name, error] of Object.entries(worst))
    console.log(`| ${name} | ${(error * 100).toFixed(3)}% |`);
  console.log(`answered requests: ${counted} in the report, ${exactCount} written`);
}

async function time(database: Database): Promise<void> {
  console.log(`\nload ${loadavg()[0]?.toFixed(1)}`);
  console.log('| report | rows | median, ms | longest, ms | CPU, ms |\n|---|---|---|---|---|');
  for (const [name, query] of REPORTS) {
    const took: number[] = [];
    const busy: number[] = [];
    let rows = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const [beganMs, before] = [performance.now(), process.cpuUsage()];
      rows = (await database.reports.groups(query))?.length ?? -1;
      took.push(performance.now() - beganMs);
      const { user, system } = process.cpuUsage(before);
      busy.push((user + system) / 1000);
    }
    const figures = [quantile(took, 0.5), Math.max(...took), quantile(busy, 0.5)];
    console.log(`| ${name} | ${rows} | ${figures.map((ms) => ms.toFixed(0)).join(' | ')} |`);
  }
}

let appended = 0;
/** Appends requests one after the other, a hundred a second, as long as `until` says; milliseconds of each until it is on disk. */
async function appends(database: Database, untilMs: number): Promise<number[]> {
  const took: number[] = [];
  while (performance.now() < untilMs) {
    const record = requestRecord(`live_${appended++}`, { arrivedAtEpochMs: Date.now() });
    const beganMs = performance.now();
    await database.ledger.append(record);
    took.push(performance.now() - beganMs);
    await sleep(10);
  }
  return took;
}

async function watch(database: Database, besides: (untilMs: number) => Promise<unknown>): Promise<number[]> {
  const untilMs = performance.now() + WATCH_MS;
  const [took] = await Promise.all([appends(database, untilMs), besides(untilMs)]);
  return took;
}

async function interference(database: Database): Promise<void> {
  const idle = async () => {};
  const rolling = async (untilMs: number) => {
    while (performance.now() < untilMs) {
      await database.rollUps.step(Date.now());
      await sleep(1000);
    }
  };
  const reporting = async (untilMs: number) => {
    while (performance.now() < untilMs) {
      await database.reports.groups(base);
      await sleep(200);
    }
  };
  const scenes: [string, (untilMs: number) => Promise<unknown>][] = [
    ['alone', idle],
    ['a roll-up each second', rolling],
    ['and a report, again and again', (untilMs) => Promise.all([rolling(untilMs), reporting(untilMs)])],
  ];
  const took = new Map<string, number[]>();
  // In turns: the machine has other work, which changes.
  for (let round = 0; round < 3; round += 1) {
    for (const [name, besides] of scenes)
      took.set(name, [...(took.get(name) ?? []), ...(await watch(database, besides))]);
  }
  console.log('\n| beside appends | appends | p50, ms | p90, ms | p99, ms |\n|---|---|---|---|---|');
  for (const [name, all] of took) {
    const ps = [0.5, 0.9, 0.99].map((p) => quantile(all, p).toFixed(1));
    console.log(`| ${name} | ${all.length} | ${ps.join(' | ')} |`);
  }
}

const sizeOf = (directory: string) => (statSync(join(directory, 'bench.db')).size / 1e6).toFixed(0);

/** Whole requests through a gateway that has this database, beside reports that it makes of it. */
async function wholeRequests(directory: string): Promise<void> {
  const at = (epochMs: number) => new Date(epochMs).toISOString();
  const query = `latency?from=${at(oddTimes.fromEpochMs)}&to=${at(oddTimes.toEpochMs)}`;
  console.log(`\nload ${loadavg()[0]?.toFixed(1)}; 20 requests a second; ${query}`);
  console.table(await besideRequests(join(directory, 'bench.db'), query, WATCH_MS));
}

async function timeAll(database: Database, directory: string): Promise<void> {
  await pack(database);
  await time(database);
  await interference(database);
  await database.close();
  await wholeRequests(directory);
}

async function fromNothing(): Promise<void> {
  const directory = mkdtempSync(join(flag('dir', tmpdir()), 'hearth-reports-'));
  try {
    await (await open(directory)).close();
    const sinceMs = performance.now();
    const remembered = writeRows(join(directory, 'bench.db'), traffic);
    console.log(`${ROWS} rows over 30 days written in ${seconds(sinceMs)} s, ${sizeOf(directory)} MB`);
    const database = await open(directory);
    await rollUp(database);
    await pack(database);
    await compare(database, remembered);
    await timeAll(database, directory);
    console.log(`\nthe database at the end: ${sizeOf(directory)} MB`);
  } finally {
    if (flag('keep', 'no') === 'yes') console.log(`kept: ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

const again = flag('again', '');
if (again === '') await fromNothing();
else await timeAll(await open(again), again);
