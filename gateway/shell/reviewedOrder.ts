import type { Catalogue, CatalogueAdapter, CatalogueModel } from '../domain/catalogue.ts';
import { comboOfKey } from '../domain/combo.ts';
import type { Failure } from '../domain/errors.ts';
import { modelId } from '../domain/ids.ts';
import type { WeightFiles } from '../ports/weightFiles.ts';
import { type Answer, type OrderBody, OrderFailed } from './processes/controlChannel.ts';

/** What an order has the runner read. */
interface FilesRead {
  readonly model: CatalogueModel;
  readonly adapters: readonly CatalogueAdapter[];
}

/** Sends an order to the runner that is meant. */
type Send = (body: OrderBody) => Promise<Answer>;

/**
 * Sends an order. One that has weight files read is answered well only if they are after that what the catalogue's revisions
 * were made of: a file that was overwritten in place is served under no revision but its own.
 */
export function sendReviewed(
  body: OrderBody,
  send: Send,
  files: WeightFiles,
  catalogue: Catalogue,
): Promise<Answer> {
  const read = filesRead(body, catalogue);
  if (!read) return send(body);
  return body.type === 'attach'
    ? attachReviewed(body, send, files, read)
    : loadReviewed(body, send, files, read);
}

function filesRead(body: OrderBody, catalogue: Catalogue): FilesRead | null {
  if (body.type === 'load') {
    const model = catalogue.models.get(modelId(body.model.id));
    return model?.revision === body.model.revision ? { model, adapters: [] } : null;
  }
  const combo = body.type === 'attach' ? comboOfKey(body.combo, catalogue) : null;
  if (!combo || combo.adapters.length === 0) return null;
  return { model: combo.model, adapters: combo.adapters.map(({ adapter }) => adapter) };
}

/** Also before: a large file that is another one need not be read to its end. What is wrong with one that is none a load tells. */
async function loadReviewed(
  body: OrderBody,
  send: Send,
  files: WeightFiles,
  read: FilesRead,
): Promise<Answer> {
  const loaded = send(body);
  // Whoever comes first is the answer.
  loaded.catch(() => {});
  const before = await failureOf(files, read);
  if (before?.code === 'start_failed') throw changed(before);
  const answer = await loaded;
  const after = await failureOf(files, read);
  if (after) throw changed(after);
  return answer;
}

/** The runner lets go again of what it has attached and should not. */
async function attachReviewed(
  body: Extract<OrderBody, { type: 'attach' }>,
  send: Send,
  files: WeightFiles,
  read: FilesRead,
): Promise<Answer> {
  const answer = await send(body);
  const after = await failureOf(files, read);
  if (!after) return answer;
  await send({ type: 'detach', combo: body.combo });
  throw changed(after);
}

async function failureOf(files: WeightFiles, { model, adapters }: FilesRead): Promise<Failure | null> {
  try {
    const reviewed = await files.review(model, adapters);
    return reviewed.ok ? null : reviewed.error;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { code: 'start_failed', message: `Cannot use "${model.id}": ${reason}` };
  }
}

function changed({ message }: Failure): OrderFailed {
  return new OrderFailed({ code: 'weights_changed', message, permanent: false });
}
