import { shownPath } from '../../catalogue/entries.ts';
import type { CatalogueAdapter, CatalogueAlias, CatalogueModel } from '../../domain/catalogue.ts';
import type { PoolEvent } from '../../ports/eventLog.ts';
import type { PinView } from '../../shell/pinControl.ts';
import type { LoadStatus } from '../../shell/poolControl.ts';
import type { AdapterRow, AliasRow, EventRow, ModelRow, PinRow } from './schemas.ts';

/** From what the catalogue and the event log hold to what the admin API shows. */

export function modelRowOf(model: CatalogueModel, status: LoadStatus): ModelRow {
  return {
    id: model.id,
    object: 'model',
    engine: model.engine,
    path: shownPath(model.path),
    context: model.contextTokens,
    sequences: model.sequences,
    max_sequences: model.maxSequences,
    threads: model.maxThreads,
    device_layers: model.deviceLayers,
    device: model.device,
    sleep: model.sleeps,
    sleep_after: model.sleepAfterMs === null ? null : model.sleepAfterMs / 1000,
    mmap: model.useMmap,
    repack: model.repack,
    kv_budget_bytes: model.kvBudgetBytes,
    idle_ttl: model.idleTtlMs === null ? null : model.idleTtlMs / 1000,
    min_runners: model.minRunners,
    max_runners: model.maxRunners,
    chat_template: model.chatTemplate,
    owned_by: model.ownedBy,
    revision: model.revision,
    weight_bytes: model.weightBytes,
    digest: model.digest ?? null,
    unavailable: model.unavailable ?? null,
    created: seconds(model.createdAtEpochMs),
    source: model.source,
    status: { value: status },
  };
}

export function adapterRowOf(adapter: CatalogueAdapter): AdapterRow {
  return {
    id: adapter.id,
    object: 'adapter',
    base: adapter.base,
    path: shownPath(adapter.path),
    ...(adapter.converted ? { converted_from: shownPath(adapter.converted.from) } : {}),
    scale: adapter.scale,
    revision: adapter.revision,
    weight_bytes: adapter.weightBytes,
    digest: adapter.digest ?? null,
    unavailable: adapter.unavailable ?? null,
    created: seconds(adapter.createdAtEpochMs),
    source: adapter.source,
  };
}

export function aliasRowOf(alias: CatalogueAlias): AliasRow {
  return {
    name: alias.name,
    object: 'alias',
    target: alias.target,
    created: seconds(alias.createdAtEpochMs),
    source: alias.source,
  };
}

export function pinRowOf(pin: PinView): PinRow {
  const { combo, level, count, source, state, ready, starting, bytes } = pin;
  return {
    object: 'pin',
    combo,
    level,
    count,
    until: pin.untilEpochMs === null ? null : new Date(pin.untilEpochMs).toISOString(),
    created: pin.createdAtEpochMs === null ? null : seconds(pin.createdAtEpochMs),
    source,
    state,
    ready,
    starting,
    bytes,
    last_error: pin.lastError,
    retry_in_ms: pin.retryInMs,
  };
}

export function eventRowOf(event: PoolEvent): EventRow {
  return {
    object: 'event',
    at: new Date(event.atEpochMs).toISOString(),
    type: event.type,
    runner: event.runnerId ?? null,
    combo: event.combo ?? null,
    detail: { ...event.detail },
  };
}

function seconds(epochMs: number): number {
  return Math.floor(epochMs / 1000);
}
