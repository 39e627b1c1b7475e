import type { CatalogueAdapter, CatalogueModel } from '../../domain/catalogue.ts';
import type { Combo } from '../../domain/combo.ts';
import type { DeviceName, RunnerId } from '../../domain/ids.ts';
import type { StartKind } from '../../domain/phases.ts';
import type { Clock } from '../../ports/clock.ts';
import { StageFailed } from '../../ports/weightStore.ts';
import { type Answer, type OrderBody, OrderFailed } from '../processes/controlChannel.ts';
import type { StartTimeline } from '../startTimeline.ts';
import type { FilePlace, StagedFiles, StageListener } from './stagedFiles.ts';

interface Deps {
  readonly staged: StagedFiles;
  readonly timeline: StartTimeline;
  readonly clock: Clock;
}

/** Who is to read the files, and for which device; null: none. */
interface Reader {
  readonly id: RunnerId;
  readonly device: DeviceName | null;
}

/** `atSource`: from there, whatever the weight store has. */
interface BaseReader extends Reader {
  readonly atSource: boolean;
}

/** What a runner says of its base, and where it read that: in the weight store, or at its source; absent: where it did before. */
export interface LoadedFrom {
  readonly answer: Answer;
  readonly atSource?: boolean;
}

type Send = (body: OrderBody) => Promise<Answer>;

/** The runner's word for a segment that it could not lock. */
const GONE = 'segment_gone';

/**
 * Sends the order to load a base, when its file is where the runner is to read it. What is waited for until then is the
 * start's staging. Rejects with OrderFailed, too, when the file cannot be staged.
 */
export function loadPlaced(
  { id, device, atSource }: BaseReader,
  model: CatalogueModel,
  orderAt: (place: FilePlace) => OrderBody,
  send: Send,
  { staged, timeline, clock }: Deps,
): Promise<LoadedFrom> {
  return again(async (wasGone) => {
    const orderedMonoMs = clock.monoMs();
    const onProgress: StageListener = (meter) => {
      timeline.staging(id, orderedMonoMs);
      timeline.stagingProgress(id, meter);
    };
    const place = atSource
      ? await orRefused(staged.atSource(model, onProgress))
      : await placeOf(staged, model, device, timeline.began(id), onProgress, wasGone);
    if (place.wasAwaited) timeline.staging(id, orderedMonoMs);
    timeline.staged(id, place, clock.monoMs());
    return { answer: await send(orderAt(place)), atSource: place.leasePath === null };
  });
}

/** The same for a combo's adapters, which are staged at the same time. */
export function attachPlaced(
  { id, device }: Reader,
  { key, adapters }: Combo,
  kind: StartKind,
  orderAt: (places: readonly FilePlace[]) => OrderBody,
  send: Send,
  { staged, timeline, clock }: Deps,
): Promise<Answer> {
  // What a whole start needs is staged from its beginning on.
  const sinceMonoMs = kind === 'attach' ? clock.monoMs() : timeline.began(id);
  return again(async (wasGone) => {
    const onProgress: StageListener = (meter) => timeline.adaptersStaging(id, key, meter);
    const places = await Promise.all(
      adapters.map(({ adapter }) => placeOf(staged, adapter, device, sinceMonoMs, onProgress, wasGone)),
    );
    timeline.adaptersPlaced(id, key, places, clock.monoMs());
    return send(orderAt(places));
  });
}

/** Another gateway of this host may take a segment before the runner has locked it: then it is staged anew, once. */
async function again<T>(attempt: (wasGone: boolean) => Promise<T>): Promise<T> {
  try {
    return await attempt(false);
  } catch (error) {
    if (!(error instanceof OrderFailed) || error.failure.code !== GONE) throw error;
    return attempt(true);
  }
}

function placeOf(
  staged: StagedFiles,
  entry: CatalogueModel | CatalogueAdapter,
  device: DeviceName | null,
  sinceMonoMs: number,
  onProgress: StageListener,
  wasGone: boolean,
): Promise<FilePlace> {
  return orRefused(staged.place(entry, sinceMonoMs, onProgress, device, wasGone));
}

async function orRefused(place: Promise<FilePlace>): Promise<FilePlace> {
  try {
    return await place;
  } catch (error) {
    if (!(error instanceof StageFailed)) throw error;
    throw new OrderFailed({ code: error.code, message: error.message, permanent: error.isPermanent });
  }
}
