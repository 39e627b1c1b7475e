/** How long the state of objectives takes to read, over a month of counts: minutes of the last days, and hours before. */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import Sqlite from 'better-sqlite3';
import { type Database, openDatabase } from '../db/openDatabase.ts';
import { bucketOf, GRAIN_MS } from '../db/rollups/grains.ts';
import { MINUTES_KEPT_MS } from '../db/slo/counts.ts';
import { modelId } from '../gateway/domain/ids.ts';
import { definitionOf, type Slo } from '../gateway/domain/slo.ts';
import { BURN_WINDOWS_MS } from '../gateway/reports/slo.ts';
import { requestRecord } from '../test/fakes/records.ts';
import { flag } from './harness/flags.ts';

const MONTH_MS = 30 * GRAIN_MS.day;
const OBJECTIVES = Number(flag('objectives', '20'));
/** Requests that no step has counted yet: a read judges them itself. */
const UNCOUNTED = Number(flag('uncounted', '200'));
const ROUNDS = Number(flag('rounds', '101'));

const now = Date.now();
const slos: readonly Slo[] = Array.from({ length: OBJECTIVES }, (_, index) => ({
  id: `slo-${index}`,
  model: modelId(`model-${index}`),
  combo: null,
  objective: 'ttft_warm',
  thresholdMs: 200,
  target: 0.95,
  windowMs: MONTH_MS,
  countsCold: false,
}));
const span = (ms: number) => ({ fromEpochMs: now - ms, toEpochMs: now });

const READS = [
  ['state: 30 days and the windows of burn rates', [MONTH_MS, ...Object.values(BURN_WINDOWS_MS)].map(span)],
  ['report of 30 days', [span(MONTH_MS)]],
  ['windows of burn rates alone', Object.values(BURN_WINDOWS_MS).map(span)],
] as const;

async function open(directory: string): Promise<Database> {
  return openDatabase({
    path: join(directory, 'bench.db'),
    migrationsDir: join(process.cwd(), 'migrations'),
    workerDir: join(process.cwd(), 'dist'),
  });
}

/** As the steps leave them. Returns how many. */
function fill(path: string): number {
  const sqlite = new Sqlite(path);
  const add = sqlite.prepare('insert into slo_counts values (?, ?, ?, ?, ?, ?)');
  const mark = sqlite.prepare('insert into slo_marks values (?, ?)');
  let rows = 0;
  sqlite.transaction(() => {
    for (const slo of slos) {
      const definition = definitionOf(slo);
      const minutesFrom = bucketOf(now - MINUTES_KEPT_MS, 'hour');
      for (let at = bucketOf(now - MONTH_MS, 'hour'); at < now; ) {
        add.run(definition, at, 950, 50, 10, 5);
        rows += 1;
        at += at < minutesFrom ? GRAIN_MS.hour : GRAIN_MS.minute;
      }
      mark.run(definition, 'counted');
    }
  })();
  sqlite.close();
  return rows;
}

const directory = mkdtempSync(join(tmpdir(), 'hearth-slos-'));
try {
  const empty = await open(directory);
  await empty.ledger.append(requestRecord('counted', { arrivedAtEpochMs: now - 1000 }));
  await empty.close();
  const rows = fill(join(directory, 'bench.db'));
  const database = await open(directory);
  for (let index = 0; index < UNCOUNTED; index += 1)
    await database.ledger.append(requestRecord(`late_${index}`, { arrivedAtEpochMs: now - 500 }));
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `${OBJECTIVES} objectives, ${rows} rows of counts, ${UNCOUNTED} requests not counted yet; load ${load}`,
  );
  const table = [];
  for (const [name, spans] of READS) {
    const took: number[] = [];
    const cpu = process.cpuUsage();
    for (let round = 0; round < ROUNDS; round += 1) {
      const beganMs = performance.now();
      await database.slos.counts(slos, spans, now);
      took.push(performance.now() - beganMs);
    }
    const { user, system } = process.cpuUsage(cpu);
    took.sort((a, b) => a - b);
    table.push({
      read: name,
      'median ms': took[ROUNDS >> 1]?.toFixed(1),
      'longest ms': took.at(-1)?.toFixed(1),
      'CPU ms': ((user + system) / 1000 / ROUNDS).toFixed(1),
    });
  }
  console.table(table);
  await database.close();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
