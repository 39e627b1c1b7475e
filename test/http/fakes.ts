import type { AdapterSpec, AliasSpec, ModelSpec } from '../../gateway/catalogue/specs.ts';
import { reservationOf } from '../../gateway/domain/admission.ts';
import type {
  Catalogue,
  CatalogueAdapter,
  CatalogueAlias,
  CatalogueModel,
} from '../../gateway/domain/catalogue.ts';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { Correction } from '../../gateway/domain/correction.ts';
import { fail, ok, type Result } from '../../gateway/domain/errors.ts';
import { adapterId, type ComboName, modelId } from '../../gateway/domain/ids.ts';
import { FREE } from '../../gateway/domain/prices.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import { type CatalogueUseCase, DEFAULT_HTTP_LIMITS, type HttpDeps } from '../../gateway/http/deps.ts';
import type { CostReads, KeySpend, Recheck, RecheckOrder } from '../../gateway/ports/costReads.ts';
import type { PoolEvent } from '../../gateway/ports/eventLog.ts';
import type {
  LedgerReads,
  RequestAccount,
  RequestFilter,
  RequestPosition,
} from '../../gateway/ports/ledgerReads.ts';
import { EventFeed } from '../../gateway/shell/eventFeed.ts';
import { Fingerprints } from '../../gateway/shell/idempotency/fingerprints.ts';
import type {
  Inference,
  InferenceRequest,
  RefusedRequest,
  ResponseSink,
} from '../../gateway/shell/inference.ts';
import type { PinControl, PinOrder, PinView } from '../../gateway/shell/pinControl.ts';
import type { PoolControl } from '../../gateway/shell/poolControl.ts';
import { PriceList } from '../../gateway/shell/priceList.ts';
import { SloBook } from '../../gateway/shell/sloBook.ts';
import { PassedTraces } from '../../gateway/telemetry/traces/passedTraces.ts';
import { MemoryPriceStore } from '../fakes/memoryPriceStore.ts';
import { type KeyWorld, keyWorld } from '../keys/keyWorld.ts';

import { FakeReports } from './fakeReports.ts';
import { FakeKeepWarm, FakeSloCounts } from './fakeSlos.ts';

export const ADMIN_TOKEN = 'test-admin-token';
const CREATED_AT_EPOCH_MS = 1_700_000_000_000;

export function fakeModel(spec: ModelSpec): CatalogueModel {
  return {
    id: modelId(spec.id),
    engine: 'llama',
    path: spec.path,
    contextTokens: spec.contextTokens ?? 2048,
    sequences: spec.sequences ?? 8,
    maxSequences: spec.maxSequences ?? spec.sequences ?? 8,
    maxThreads: spec.maxThreads ?? null,
    deviceLayers: spec.deviceLayers ?? -1,
    device: null,
    sleeps: null,
    sleepAfterMs: null,
    layers: 0,
    useMmap: spec.useMmap ?? true,
    repack: spec.repack ?? false,
    kvBudgetBytes: spec.kvBudgetBytes ?? null,
    idleTtlMs: spec.idleTtlMs === undefined ? 300_000 : spec.idleTtlMs,
    minRunners: spec.minRunners ?? 0,
    maxRunners: spec.maxRunners ?? 1,
    chatTemplate: spec.chatTemplate ?? null,
    ownedBy: spec.ownedBy ?? 'hearth',
    revision: `rev-${spec.id}`,
    weightBytes: 1000,
    segment: null,
    kvBytesPerToken: 0,
    computeBytes: 0,
    createdAtEpochMs: CREATED_AT_EPOCH_MS,
    ...(spec.digest === undefined ? {} : { digest: spec.digest }),
    source: 'api',
  };
}

export function fakeAdapter(spec: AdapterSpec): CatalogueAdapter {
  return {
    id: adapterId(spec.id),
    base: modelId(spec.base),
    path: spec.path,
    scale: spec.scale ?? 1,
    revision: `rev-${spec.id}`,
    weightBytes: 10,
    segment: null,
    createdAtEpochMs: CREATED_AT_EPOCH_MS + 1000,
    ...(spec.digest === undefined ? {} : { digest: spec.digest }),
    source: 'api',
  };
}

/** A catalogue in memory that checks nothing but existence. */
export class FakeCatalogue implements CatalogueUseCase {
  readonly models = new Map<CatalogueModel['id'], CatalogueModel>();
  readonly adapters = new Map<CatalogueAdapter['id'], CatalogueAdapter>();
  readonly aliases = new Map<string, CatalogueAlias>();
  readonly scaling = new Map();
  reloads = 0;

  current(): Catalogue {
    return this;
  }
  async addModel(spec: ModelSpec): Promise<Result<CatalogueModel>> {
    const model = fakeModel(spec);
    this.models.set(model.id, model);
    return ok(model);
  }
  async addAdapter(spec: AdapterSpec): Promise<Result<CatalogueAdapter>> {
    if (!this.models.has(modelId(spec.base))) return fail('model_not_found', 'Cannot find base', 'base');
    const adapter = fakeAdapter(spec);
    this.adapters.set(adapter.id, adapter);
    return ok(adapter);
  }
  async addAlias(spec: AliasSpec): Promise<Result<CatalogueAlias>> {
    const alias: CatalogueAlias = { ...spec, createdAtEpochMs: CREATED_AT_EPOCH_MS, source: 'api' };
    this.aliases.set(alias.name, alias);
    return ok(alias);
  }
  async removeModel(id: string): Promise<Result<unknown>> {
    return this.models.delete(modelId(id)) ? ok(true) : fail('not_found', 'Cannot find model');
  }
  async removeAdapter(id: string): Promise<Result<unknown>> {
    return this.adapters.delete(adapterId(id)) ? ok(true) : fail('not_found', 'Cannot find adapter');
  }
  async removeAlias(name: string): Promise<Result<unknown>> {
    return this.aliases.delete(name) ? ok(true) : fail('not_found', 'Cannot find alias');
  }
  async reload(): Promise<Result<unknown>> {
    this.reloads += 1;
    return ok(true);
  }
}

/** Records what was served and refused; `answer` says how. */
export class FakeInference implements Inference {
  readonly served: InferenceRequest[] = [];
  readonly refusals: RefusedRequest[] = [];
  answer: (request: InferenceRequest, sink: ResponseSink) => Promise<void> | void = (request, sink) => {
    sink.head(200, { 'content-type': 'application/json', 'x-request-id': request.requestId });
    sink.end('{"object":"fake"}');
  };

  async serve(request: InferenceRequest, sink: ResponseSink): Promise<void> {
    this.served.push(request);
    await this.answer(request, sink);
  }
  async refused(refusal: RefusedRequest): Promise<void> {
    this.refusals.push(refusal);
  }
}

/** Keeps what is pinned; refuses a count over 8. */
export class FakePins implements PinControl {
  readonly pins = new Map<ComboName, PinView>();

  list(): readonly PinView[] {
    return [...this.pins.values()];
  }
  get(name: ComboName): PinView | null {
    return this.pins.get(name) ?? null;
  }
  async put({ name }: Combo, order: PinOrder): Promise<Result<PinView>> {
    if (order.count > 8) {
      const capacity = {
        budget: 'memory',
        neededBytes: order.count * 100,
        budgetBytes: 800,
        inUse: [],
        pinned: [],
      };
      return { ok: false, error: { code: 'conflict', message: 'Cannot pin: too much', capacity } };
    }
    const none = { starting: 0, bytes: 100, lastError: null, retryInMs: null };
    const pin: PinView = {
      ...none,
      ...order,
      combo: name,
      createdAtEpochMs: CREATED_AT_EPOCH_MS,
      source: 'api',
      state: 'restoring',
      ready: 0,
    };
    this.pins.set(name, pin);
    return ok(pin);
  }
  async remove(name: ComboName): Promise<Result<unknown>> {
    return this.pins.delete(name) ? ok(true) : fail('not_found', `Cannot unpin "${name}"`);
  }
}

/** Accounts as given; remembers what it was asked for. */
export class FakeLedgerReads implements LedgerReads {
  readonly accounts: RequestAccount[] = [];
  readonly asked: { filter: RequestFilter; after: RequestPosition | null; limit: number }[] = [];

  async list(filter: RequestFilter, after: RequestPosition | null, limit: number): Promise<RequestRecord[]> {
    this.asked.push({ filter, after, limit });
    const records = this.accounts.map(({ record }) => record);
    const from = after ? records.findIndex(({ requestId }) => requestId === after.requestId) + 1 : 0;
    return records.slice(from, from + limit);
  }
  async account(id: string): Promise<RequestAccount | null> {
    return this.accounts.find(({ record }) => record.requestId === id) ?? null;
  }
  async correct(correction: Correction): Promise<Result<Correction>> {
    return (await this.account(correction.requestId))
      ? ok(correction)
      : fail('not_found', 'Cannot correct request: it is not in the ledger');
  }
}

export class FakeCostReads implements CostReads {
  readonly asked: RecheckOrder[] = [];

  async spentSince(): Promise<readonly KeySpend[]> {
    return [];
  }
  async recheck(order: RecheckOrder): Promise<Recheck> {
    this.asked.push(order);
    return {
      requests: 3,
      recordedMicroUsd: 42,
      recomputedMicroUsd: 40,
      differing: 1,
      examples: [{ requestId: 'q1', recordedMicroUsd: 12, recomputedMicroUsd: 10 }],
      starts: 2,
      startsDiffering: 0,
    };
  }
}

export interface FakeWorld {
  readonly deps: HttpDeps;
  /** `door code` of each. */
  readonly refusedCredentials: readonly string[];
  readonly catalogue: FakeCatalogue;
  readonly inference: FakeInference;
  readonly keys: KeyWorld;
  readonly pins: FakePins;
  readonly events: PoolEvent[];
  readonly ledger: FakeLedgerReads;
  readonly costs: FakeCostReads;
  readonly feed: EventFeed;
  readonly reports: FakeReports;
  readonly slos: FakeSloCounts;
  readonly keepWarm: FakeKeepWarm;
  readonly errors: object[];
  readonly pool: { -readonly [K in keyof PoolControl]: PoolControl[K] };
}

/** Everything that createApp() needs: models `tiny-chat` (2048 tokens) and `other`, adapters `pirate` and `json`. */
export function fakeWorld(limits: Partial<HttpDeps['limits']> = {}): FakeWorld {
  const catalogue = new FakeCatalogue();
  for (const id of ['tiny-chat', 'other']) catalogue.models.set(modelId(id), fakeModel({ id, path: '/m' }));
  for (const [id, base] of [
    ['pirate', 'tiny-chat'],
    ['json', 'tiny-chat'],
    ['foreign', 'other'],
  ] as const) {
    catalogue.adapters.set(adapterId(id), fakeAdapter({ id, base, path: '/a' }));
  }
  const keys = keyWorld(catalogue);
  const inference = new FakeInference();
  const pins = new FakePins();
  const events: PoolEvent[] = [];
  const errors: object[] = [];
  const pool: FakeWorld['pool'] = {
    segments: () => [],
    budgets: () => [],
    runners: async () => [],
    baseStatus: () => 'unloaded',
    comboStatus: () => 'loaded',
    warm: async () => ok({ runnerId: 'r_1', kind: 'cold' }),
    evict: async () => ok({ evicted: true }),
    combos: () => [],
    liftQuarantine: async () => ok({ lifted: false }),
    drain: async () => ok({ state: 'draining' }),
    sleep: async () => ok({ state: 'asleep' }),
    wake: async () => ok({ state: 'loading' }),
    waitingRequests: () => 0,
    notReadyReason: () => null,
  };
  const quiet = (): void => {};
  const refusedCredentials: string[] = [];
  const feed = new EventFeed({
    append: (event) => events.push(event),
    list: async (limit) => events.slice(0, limit),
  });
  const ledger = new FakeLedgerReads();
  const costs = new FakeCostReads();
  const clock = { monoMs: () => performance.now(), epochMs: () => Date.now() };
  const reports = new FakeReports();
  const slos = new FakeSloCounts();
  const keepWarm = new FakeKeepWarm();
  const deps: HttpDeps = {
    inference,
    reserve: (combo, bounds) => reservationOf(combo.name, bounds, 'own', FREE),
    pool,
    pins,
    catalogue,
    events: feed,
    ledger,
    costs,
    prices: new PriceList(new MemoryPriceStore(), clock),
    fingerprints: new Fingerprints('test-secret'),
    live: feed,
    clock,
    reports,
    slos: new SloBook(slos, () => slos.objectives, clock),
    keepWarm,
    log: { debug: quiet, info: quiet, warn: quiet, error: (fields) => errors.push(fields) },
    adminToken: ADMIN_TOKEN,
    access: keys.access,
    keys: keys.book,
    spend: keys.spend,
    corsOrigins: [],
    clientAddress: () => null,
    limits: { ...DEFAULT_HTTP_LIMITS, ...limits },
    dashboardAssets: {},
    bringsRemote: true,
    tracing: new PassedTraces(),
    credentialRefused: (door, code) => refusedCredentials.push(`${door} ${code}`),
    metricsText: async () => '# metrics\n',
  };
  return {
    deps,
    refusedCredentials,
    catalogue,
    inference,
    keys,
    pins,
    events,
    ledger,
    reports,
    slos,
    keepWarm,
    feed,
    errors,
    pool,
    costs,
  };
}
