import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Database, openDatabase } from '../db/openDatabase.ts';
import type { CatalogueService } from './catalogue/catalogueService.ts';
import { revisitRegularly } from './catalogue/revisits.ts';
import { SourceAccess } from './catalogue/sourceAccess.ts';
import { openAccess, reservations } from './compose/access.ts';
import { openCatalogue } from './compose/catalogue.ts';
import { dashboardAssets } from './compose/dashboard.ts';
import { lookForDevices } from './compose/devices.ts';
import { ConfiguredKeys } from './compose/encryption.ts';
import { runnerEnvironment } from './compose/environment.ts';
import { openKeepWarm } from './compose/keepWarm.ts';
import { adoptedClients, ledgerPart } from './compose/ledger.ts';
import { namedCombos } from './compose/namedCombos.ts';
import { openPrices } from './compose/prices.ts';
import { rollUpRegularly } from './compose/rollUps.ts';
import { openSlos } from './compose/slos.ts';
import {
  countEvents,
  openTracing,
  poolReadings,
  RunnerCounts,
  replaysTold,
  timedLedger,
} from './compose/telemetry.ts';
import { findSegments, newFetcher, openOrigins, openWeightStore } from './compose/weights.ts';
import { PACKAGE_ROOT, type Settings } from './config.ts';
import {
  ensureAdminToken,
  ensureIdempotencySecret,
  ensureKeySecret,
  ensureRunnerSecret,
  ensureRuntimeDir,
} from './dataDir.ts';
import { REVISIT_EVERY_MS } from './domain/availability.ts';
import { parseCombo } from './domain/combo.ts';
import { createApp } from './http/app.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from './http/deps.ts';
import { clientAddresses } from './http/edge/clientAddress.ts';
import { type HttpServer, listen } from './http/server.ts';
import { isStaged } from './pool/segments.ts';
import { emptyPool } from './pool/state.ts';
import type { Clock } from './ports/clock.ts';
import type { Log } from './ports/log.ts';
import type { OriginFiles } from './ports/originFiles.ts';
import type { Tracing } from './ports/tracing.ts';
import { adoptRunners } from './shell/adoptRunners.ts';
import { ControlPool } from './shell/controlPool.ts';
import { EventFeed } from './shell/eventFeed.ts';
import { ForecastLoop } from './shell/forecastLoop.ts';
import { Fingerprints } from './shell/idempotency/fingerprints.ts';
import type { KeyAccess } from './shell/keys/keyAccess.ts';
import { PageCache } from './shell/pageCache.ts';
import { pastTimesEvent, readPastTimes } from './shell/pastTimes.ts';
import { PinBook } from './shell/pinBook.ts';
import { PoolLoop } from './shell/poolLoop.ts';
import type { PriceList } from './shell/priceList.ts';
import { Prober, probeRegularly } from './shell/probes/prober.ts';
import { findEventLoopCores } from './shell/processes/eventLoopCores.ts';
import { type InstanceLock, lockInstance } from './shell/processes/instanceLock.ts';
import type { SpawnSettings } from './shell/processes/spawnedRunner.ts';
import { RunnerFleet } from './shell/runnerFleet.ts';
import { ServeInference } from './shell/serveInference.ts';
import { settleInterrupted } from './shell/settleInterrupted.ts';
import type { StagerStore } from './shell/stager/stagerStore.ts';
import { StartTimeline } from './shell/startTimeline.ts';
import { StagedFiles } from './shell/weights/stagedFiles.ts';
import { Metrics } from './telemetry/metrics.ts';
import { logRequest } from './telemetry/requestLog.ts';

/** A gateway that serves. */
export interface Gateway {
  readonly server: HttpServer;
  readonly catalogue: CatalogueService;
  /** Resolves with the reason when the gateway cannot go on; never otherwise. */
  readonly failed: Promise<Error>;
  /** No new work, what runs may finish, runners end, the database is closed. */
  drain(): Promise<void>;
  /** Ends at once: runners get SIGTERM, nothing is waited for. */
  abandon(): void;
}

const DIST_DIR = join(PACKAGE_ROOT, 'dist');
const clock: Clock = { monoMs: () => performance.now(), epochMs: () => Date.now() };

/** Past the drain's limit runners are killed (SIGTERM, SIGKILL); their streams' clients get to read an error frame. */
const LAST_FRAMES_MS = 5_000;

/** Builds the gateway out of its parts; the one place that names concrete classes. Throws one sentence on failure. */
export async function compose(
  settings: Settings,
  log: Log,
  environment: NodeJS.ProcessEnv,
): Promise<Gateway> {
  const runDir = await ensureRuntimeDir(settings.dataDir);
  const secret = await ensureRunnerSecret(settings.dataDir);
  const keySecret = await ensureKeySecret(settings.dataDir);
  const adminToken = settings.adminToken ?? (await ensureAdminToken(settings.dataDir));
  const fingerprints = new Fingerprints(await ensureIdempotencySecret(settings.dataDir));
  const lock = lockInstance(settings.dataDir);
  if (!lock.ok) throw new Error(lock.error.message);
  // What was opened is closed again, in reverse, when a later step fails.
  const opened: (() => unknown)[] = [() => lock.value.release()];
  try {
    const database = await openDatabase({
      path: join(settings.dataDir, 'hearth.db'),
      migrationsDir: join(PACKAGE_ROOT, 'migrations'),
      workerDir: DIST_DIR,
    });
    opened.unshift(() => database.close());
    // Read beside what else there is to do before the pool begins.
    const pastTimes = readPastTimes(database.durations, log);
    const events = new EventFeed(database.events);
    const keys = new ConfiguredKeys(settings.configPath, environment);
    const sources = new SourceAccess(settings.variable);
    const place = { distDir: DIST_DIR, runDir, dataDir: settings.dataDir, environment };
    const fetcher = newFetcher(settings, place, sources, log);
    opened.unshift(() => fetcher.close());
    const catalogue = await openCatalogue(
      settings,
      database,
      { distDir: DIST_DIR, sources, keys, events, fetcher, clock },
      log,
    );
    const prices = await openPrices({ store: database.prices, catalogue, events, clock, log });
    const doors = await openAccess(settings, keySecret, database, { catalogue, clock, log });
    const origins = await openOrigins(settings, { fetcher, catalogue }, log);
    const unplaced: Omit<SpawnSettings, 'places'> = {
      entry: join(DIST_DIR, 'runner.mjs'),
      runDir,
      leaseMs: settings.pool.leaseMs,
      secret,
      environment: runnerEnvironment(settings, environment),
      eventLoopCores: findEventLoopCores(settings.pool.cpuThreads, log),
    };
    const { devices, places } = await lookForDevices(settings, unplaced, clock.epochMs(), log);
    const spawning: SpawnSettings = { ...unplaced, places };
    const weights = await openWeightStore(settings.store, { ...place, places }, { keys, origins }, log);
    opened.unshift(() => weights?.close());
    const tracing = await openTracing(settings, log);
    opened.unshift(() => tracing.close());
    const books = { database, events, prices, tracing, access: doors.access };
    const core = buildCore(settings, books, catalogue, log, spawning, { weights, origins });
    if (devices.length > 0) core.pool.dispatch({ type: 'devicesFound', devices });
    opened.unshift(() => {
      core.forecast.stop();
      core.pool.stop();
      core.fleet.letGo();
    });
    core.pool.dispatch(pastTimesEvent(await pastTimes, catalogue.current()));
    await findSegments(weights, core.pool, catalogue.current(), log);
    await core.pins.restore();
    // Before the first request can come, so that it finds them warm.
    await adoptRunners({
      settings: spawning,
      store: database.runners,
      events,
      pool: core.pool.state,
      fleet: core.fleet,
      clock,
      log,
    });
    if (database.spoiltAdmissions > 0)
      log.warn(
        { lines: database.spoiltAdmissions },
        'spoilt lines of the journal of admissions are passed over',
      );
    await settleInterrupted({
      ledger: database.ledger,
      adopted: adoptedClients(core.pool.state, core.fleet),
      gatewayRun: core.gatewayRun,
      clock,
      log,
    });
    const objectives = openSlos(settings, database, catalogue, clock, log);
    const limits = httpLimits(settings.limits);
    const app = createApp({
      inference: core.inference,
      reserve: reservations(core.pool.state, prices),
      pool: core.control,
      pins: core.pins,
      catalogue,
      events,
      ledger: database.requests,
      costs: database.requests,
      prices,
      reports: database.reports,
      fingerprints,
      live: events,
      clock,
      log,
      tracing,
      adminToken,
      ...doors,
      corsOrigins: settings.edge.corsOrigins,
      clientAddress: clientAddresses(settings.edge.trustedProxies),
      limits,
      dashboardAssets: dashboardAssets(PACKAGE_ROOT),
      bringsRemote: weights !== null,
      slos: objectives.slos,
      keepWarm: openKeepWarm(database, core.pool.state, join(DIST_DIR, 'replayWorker.mjs')),
      credentialRefused: (door, code) => core.metrics.credentialRefused(door, code),
      metricsText: async (format) => objectives.addTo(await core.metrics.text(format)),
    });
    const { host, port, edge } = settings;
    const server = await listen(app, { host, port, limits, tls: edge.tls && { files: edge.tls, log } });
    core.pool.run();
    const endProbes = probe(settings, core);
    core.forecast.run();
    rollUpRegularly(database, clock, log);
    const endRevisits = revisitRegularly(catalogue, REVISIT_EVERY_MS, log);
    void preload(settings.pool.preload, core.pool, log);
    const endings = { weights, events, tracing, endProbes, endRevisits };
    return makeGateway(settings, { ...core, ...endings }, server, catalogue, database, lock.value);
  } catch (error) {
    for (const close of opened) await close();
    throw error;
  }
}

/** Where is written what happens, and what it costs. */
interface Books {
  readonly database: Database;
  readonly events: EventFeed;
  readonly prices: PriceList;
  readonly tracing: Tracing;
}

interface Core {
  readonly pool: PoolLoop;
  readonly fleet: RunnerFleet;
  readonly inference: ServeInference;
  readonly control: ControlPool;
  readonly pins: PinBook;
  readonly metrics: Metrics;
  readonly counts: RunnerCounts;
  readonly forecast: ForecastLoop;
  /** Names this process among those that have served from the data directory. */
  readonly gatewayRun: string;
}

function buildCore(
  settings: Settings,
  { database, events, prices, tracing, access }: Books & { access: KeyAccess },
  catalogue: CatalogueService,
  log: Log,
  spawning: SpawnSettings,
  { weights, origins }: { weights: StagerStore | null; origins: OriginFiles },
): Core {
  const timeline = new StartTimeline();
  const gatewayRun = randomBytes(8).toString('hex');
  // Runner ids of different lives of the gateway must differ: they name sockets and rows.
  const state = emptyPool(
    { ...settings.pool, store: weights?.budgets ?? null },
    catalogue.current(),
    randomBytes(3).toString('hex'),
  );
  const counts = new RunnerCounts();
  const named = namedCombos(state, settings.pool.preload, () => catalogue.slos());
  const metrics = new Metrics(poolReadings(state, counts, clock, database.writerReport), named, tracing);
  countEvents(events, metrics);
  const pool = new PoolLoop(state, clock, events);
  const staged = new StagedFiles({
    store: weights,
    origins,
    isStaged: (entry) => isStaged(state, entry),
    dispatch: (event) => pool.dispatch(event),
    live: events,
    clock,
    log,
  });
  const fleet = new RunnerFleet({
    settings: spawning,
    store: database.runners,
    clock,
    log,
    timeline,
    telemetry: metrics,
    events,
    hasDevices: () => state.devices.size > 0,
    files: catalogue,
    staged,
    catalogue: () => catalogue.current(),
    dispatch: (event) => pool.dispatch(event),
  });
  const pins = new PinBook({ pool, store: database.pins, pages: new PageCache(log), clock, log });
  pool.start(fleet, pins, staged);
  catalogue.onChange((current) => {
    pool.dispatch({ type: 'catalogueChanged', catalogue: current });
    void findSegments(weights, pool, current, log);
  });
  const inference = new ServeInference({
    pool,
    fleet,
    timeline,
    ...ledgerPart(settings, timedLedger(database.ledger, metrics, clock), gatewayRun, {
      clock,
      onReplayed: replaysTold(tracing, metrics, log),
    }),
    combos: database.combos,
    prices: () => prices.current(),
    clock,
    deadlines: settings.pool,
    onEnded: (record) => {
      access.ended(record);
      metrics.requestEnded(record);
      tracing.ended(record);
      logRequest(log, record);
    },
  });
  const forecast = new ForecastLoop({
    settings: settings.pool.forecast,
    history: database.demand,
    catalogue: () => catalogue.current(),
    dispatch: (event) => pool.dispatch(event),
    clock,
    log,
  });
  const control = new ControlPool({ pool, fleet, timeline, staged, clock });
  return { pool, fleet, inference, control, pins, metrics, counts, forecast, gatewayRun };
}

function probe({ pool }: Settings, { fleet, counts }: Core): () => void {
  return probeRegularly(new Prober(pool, counts.patients(fleet)), pool.probeEveryMs, () => clock.monoMs());
}

interface Endings {
  readonly weights: StagerStore | null;
  readonly events: EventFeed;
  readonly tracing: Tracing;
  readonly endProbes: () => void;
  readonly endRevisits: () => void;
}

function makeGateway(
  settings: Settings,
  { pool, fleet, inference, forecast, weights, events, tracing, endProbes, endRevisits }: Core & Endings,
  server: HttpServer,
  catalogue: CatalogueService,
  database: Database,
  lock: InstanceLock,
): Gateway {
  return {
    server,
    catalogue,
    failed: database.failed,
    async drain() {
      forecast.stop();
      endRevisits();
      const closed = server.close(settings.pool.drainTimeoutMs + LAST_FRAMES_MS);
      pool.dispatch({ type: 'shutdownAsked' });
      await Promise.all([inference.idle(), fleet.empty()]);
      events.close();
      await closed;
      pool.stop();
      endProbes();
      await weights?.close();
      await Promise.all([database.close(), tracing.close()]);
      lock.release();
    },
    abandon() {
      forecast.stop();
      fleet.abandon();
      void weights?.close();
      lock.release();
    },
  };
}

/** Makes the configured combos ready, one after the other, so that none takes another's memory or cores meanwhile. */
async function preload(names: readonly string[], pool: PoolLoop, log: Log): Promise<void> {
  for (const name of names) {
    const combo = parseCombo(name, [], pool.state.catalogue);
    const answer = combo.ok ? await pool.order({ type: 'warmAsked', combo: combo.value }) : combo;
    if (!answer.ok) log.warn({ combo: name, error: answer.error.message }, 'combo was not preloaded');
  }
}

function httpLimits(limits: Settings['limits']): HttpLimits {
  return {
    ...DEFAULT_HTTP_LIMITS,
    bodyBytes: limits.bodyBytes,
    bodyTimeoutMs: limits.bodyTimeoutMs,
    headersTimeoutMs: limits.headerTimeoutMs,
    keepAliveTimeoutMs: limits.idleTimeoutMs,
    streamBufferBytes: limits.streamBufferBytes,
  };
}
