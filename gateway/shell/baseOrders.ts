import type { RunnerModel } from '../../runner/protocol/control.ts';
import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { type ComboName, comboName, type RunnerId } from '../domain/ids.ts';
import type { PoolEvent } from '../pool/events.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/eventLog.ts';
import type { Log } from '../ports/log.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { type Answer, type OrderBody, OrderFailed } from './processes/controlChannel.ts';
import type { StartTimeline } from './startTimeline.ts';
import { tellUpload } from './tellUpload.ts';
import { uploadView } from './uploadView.ts';
import type { LoadedFrom } from './weights/placedOrders.ts';
import type { FilePlace } from './weights/stagedFiles.ts';

interface Deps {
  readonly timeline: StartTimeline;
  readonly telemetry: Telemetry;
  readonly events: EventLog;
  readonly log: Log;
  readonly clock: Clock;
  readonly dispatch: (event: PoolEvent) => void;
}

interface Loading {
  readonly id: RunnerId;
  readonly model: CatalogueModel;
  readonly answer: Promise<LoadedFrom>;
  /** What the runner has said since the order. */
  readonly wordsSince: () => string;
}

/** The base as a runner is told of it. `device`: as the runner's process calls it. */
export function runnerModelOf(
  model: CatalogueModel,
  { path, leasePath }: FilePlace,
  device: string | null,
  threads: number,
): RunnerModel {
  return {
    id: model.id,
    revision: model.revision,
    path,
    ...(leasePath === null ? {} : { leasePath }),
    contextTokens: model.contextTokens,
    sequences: model.sequences,
    threads,
    deviceLayers: model.deviceLayers,
    device,
    useMmap: model.useMmap,
    repack: model.repack,
    kvBudgetBytes: model.kvBudgetBytes,
    ...(model.chatTemplate === null ? {} : { chatTemplate: model.chatTemplate }),
  };
}

/** The combo's adapters as a runner is told of them. `places`: of each, in their order. */
export function runnerAdaptersOf(
  { adapters }: Combo,
  places: readonly FilePlace[],
): Extract<OrderBody, { type: 'attach' }>['adapters'] {
  return adapters.map(({ adapter, scale }, at) => {
    const leasePath = places[at]?.leasePath ?? null;
    return {
      id: adapter.id,
      path: places[at]?.path ?? adapter.path,
      ...(leasePath === null ? {} : { leasePath }),
      scale: scale * adapter.scale,
    };
  });
}

/** Tells what becomes of an order that brings a base. */
export function loadBase({ id, model, answer, wordsSince }: Loading, deps: Deps): void {
  const { timeline, telemetry, clock, dispatch } = deps;
  answer.then(
    ({ answer: loaded, atSource }) => {
      const upload = loaded.type === 'loaded' ? uploadView(loaded.upload) : null;
      timeline.loaded(id, upload, clock.monoMs());
      if (upload) tellUpload(id, model.id, upload, deps);
      const weightBytes = loaded.type === 'loaded' ? loaded.weightBytes : 0;
      const origin = atSource === undefined ? {} : { atSource };
      dispatch({ type: 'runnerLoaded', runnerId: id, weightBytes, ...origin });
    },
    (error: Error) => {
      if (!(error instanceof OrderFailed)) return;
      const name: ComboName = comboName(model.id);
      telemetry.startFailed(name, error.failure.code);
      const failure = startFailure(model.id, error, wordsSince());
      dispatch({ type: 'runnerFailed', runnerId: id, failure });
    },
  );
}

/** Has a runner give its base back, and tells when it has; one that cannot is no good. */
export function sleepBase(
  id: RunnerId,
  order: (body: OrderBody) => Promise<Answer>,
  { dispatch, timeline }: Pick<Deps, 'dispatch' | 'timeline'>,
): void {
  order({ type: 'sleep' }).then(
    (answer) => {
      timeline.asleep(id);
      const keptBytes = answer.type === 'slept' ? answer.keptBytes : 0;
      dispatch({ type: 'runnerAsleep', runnerId: id, keptBytes });
    },
    (error: Error) => {
      if (!(error instanceof OrderFailed)) return;
      const failure: Failure = { code: 'runner_failed', message: `Cannot put to sleep: ${error.message}` };
      dispatch({ type: 'runnerFailed', runnerId: id, failure });
    },
  );
}

/** `words`: what the runner said meanwhile, where its engine tells the reason. */
export function startFailure(what: string, { failure }: OrderFailed, words: string): Failure {
  return {
    code: failure.permanent ? 'start_failed_permanently' : 'start_failed',
    message: `Cannot start "${what}": ${failure.message}${words === '' ? '' : `: ${words}`}`,
  };
}
