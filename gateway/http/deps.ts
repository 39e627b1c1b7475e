import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import type { AdapterSpec, AliasSpec, ModelSpec } from '../catalogue/specs.ts';
import type { Reservation } from '../domain/admission.ts';
import type { ApiKey } from '../domain/apiKey.ts';
import type { Catalogue, CatalogueAdapter, CatalogueAlias, CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { ErrorCode, Result } from '../domain/errors.ts';
import type { TokenBounds } from '../domain/tokenBounds.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { Clock } from '../ports/clock.ts';
import type { CostReads } from '../ports/costReads.ts';
import type { EventLog, LiveEvents } from '../ports/eventLog.ts';
import type { KeepWarmReads } from '../ports/keepWarm.ts';
import type { LedgerReads } from '../ports/ledgerReads.ts';
import type { Log } from '../ports/log.ts';
import type { ReportReads } from '../ports/reportReads.ts';
import type { SpendBook } from '../ports/spendBook.ts';
import type { Door } from '../ports/telemetry.ts';
import type { Tracing } from '../ports/tracing.ts';
import type { TtlPoint, TtlReplay } from '../reports/replay/ttlCurve.ts';
import type { Fingerprints } from '../shell/idempotency/fingerprints.ts';
import type { Inference } from '../shell/inference.ts';
import type { KeyAccess } from '../shell/keys/keyAccess.ts';
import type { KeyControl } from '../shell/keys/keyControl.ts';
import type { PinControl } from '../shell/pinControl.ts';
import type { PoolControl } from '../shell/poolControl.ts';
import type { PriceControl } from '../shell/priceList.ts';
import type { SloBook } from '../shell/sloBook.ts';
import type { AssetFiles } from './dashboard/assets.ts';

/** What http needs of the catalogue's use case. Writes resolve when they are on disk. */
export interface CatalogueUseCase {
  current(): Catalogue;
  addModel(spec: ModelSpec): Promise<Result<CatalogueModel>>;
  addAdapter(spec: AdapterSpec): Promise<Result<CatalogueAdapter>>;
  addAlias(spec: AliasSpec): Promise<Result<CatalogueAlias>>;
  /** `not_found` when there is none; `conflict` when it is needed or comes from the configuration file. */
  removeModel(id: string): Promise<Result<unknown>>;
  removeAdapter(id: string): Promise<Result<unknown>>;
  removeAlias(name: string): Promise<Result<unknown>>;
  /** Reads the configuration file again; a bad one changes nothing and says why. */
  reload(): Promise<Result<unknown>>;
}

/** What the keep-warm report is made of. */
export interface KeepWarmUseCase extends KeepWarmReads {
  /** Off the event loop. `invalid_request` when it takes too long. */
  replay(trace: TtlReplay['trace'], ttlsMs: TtlReplay['ttlsMs']): Promise<Result<readonly TtlPoint[]>>;
}

/** Bounds of what one client can cost. */
export interface HttpLimits {
  /** Of a request's body; more is 413. */
  readonly bodyBytes: number;
  /** From the head to the last byte of the body; later is 408. */
  readonly bodyTimeoutMs: number;
  /** Of an answer that the client has not read yet; more ends the connection. */
  readonly streamBufferBytes: number;
  /** How long an ended answer may wait to be read. */
  readonly drainTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly headerBytes: number;
  readonly connections: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  bodyBytes: 8 * 1024 * 1024,
  bodyTimeoutMs: 60_000,
  streamBufferBytes: 1024 * 1024,
  drainTimeoutMs: 30_000,
  headersTimeoutMs: 15_000,
  keepAliveTimeoutMs: 65_000,
  headerBytes: 32 * 1024,
  connections: 8192,
};

export interface HttpDeps {
  readonly inference: Inference;
  /** What a request may come to use, and hold of a budget. */
  readonly reserve: (combo: Combo, bounds: TokenBounds) => Reservation;
  readonly pool: PoolControl;
  readonly pins: PinControl;
  readonly prices: PriceControl;
  readonly costs: CostReads;
  readonly catalogue: CatalogueUseCase;
  readonly events: EventLog;
  readonly ledger: LedgerReads;
  readonly fingerprints: Pick<Fingerprints, 'attemptOf'>;
  readonly live: Pick<LiveEvents, 'listen'>;
  readonly reports: ReportReads;
  readonly slos: Pick<SloBook, 'states' | 'report'>;
  readonly keepWarm: KeepWarmUseCase;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing: Pick<Tracing, 'begin' | 'unrecorded' | 'over'>;
  readonly adminToken: string;
  readonly access: Pick<KeyAccess, 'authenticate' | 'admit' | 'over'>;
  readonly keys: KeyControl;
  readonly spend: Pick<SpendBook, 'spent'>;
  /** Origins whose pages may call /v1 (CORS); `*`: any. */
  readonly corsOrigins: readonly string[];
  /** Where a request comes from, past trusted proxies; null: not known. */
  clientAddress(incoming: IncomingMessage | undefined): string | null;
  readonly limits: HttpLimits;
  /** What the dashboard's pages load. */
  readonly dashboardAssets: AssetFiles;
  /** There is a weight store, so that entries behind URIs can be served. */
  readonly bringsRemote: boolean;
  /** Somebody came without a credential that is good for that door. */
  credentialRefused(door: Door, code: ErrorCode): void;
  /** For Prometheus; `openmetrics` has exemplars. */
  metricsText(format: 'openmetrics' | 'plain'): Promise<string>;
}

/** Hono's environment: node's own objects (absent under `app.request()`) and what the middlewares set. */
export interface HttpEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    requestId: string;
    clientRequestId: string | undefined;
    apiKey: ApiKey | null;
    /** Of an inference request that is part of one. */
    trace: TraceContext | null | undefined;
  };
}

export type HttpApp = Hono<HttpEnv>;
