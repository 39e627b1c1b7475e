import { type EncodedKey, MAX_KEYS } from '../../../stager/protocol/messages.ts';
import type { SealedWeights } from '../../ports/sealedWeights.ts';
import { StageFailed } from '../../ports/weightStore.ts';
import { type StagerAnswer, type StagerOrderBody, StagingFailed } from './stagerProcess.ts';

export type StageBody = Extract<StagerOrderBody, { type: 'stage' }>;
type Order = (body: StageBody) => Promise<StagerAnswer>;

/** The stager could not stage what is encrypted. Nobody can use its source as it is. */
export class SealedStagingFailed extends StagingFailed {}

/**
 * Stages what may be encrypted. Which key a source needs the stager says, who has read its header; it is looked up then, and
 * nobody keeps it.
 */
export class SealedStaging {
  readonly #sealed: SealedWeights;

  constructor(sealed: SealedWeights) {
    this.#sealed = sealed;
  }

  /** Rejects as `order` does, and with StageFailed `key_unavailable` or `refused`. */
  async stage(order: Order, body: StageBody, source: string): Promise<StagerAnswer> {
    const keys: EncodedKey[] = [];
    for (;;) {
      try {
        return await order(keys.length === 0 ? body : { ...body, keys });
      } catch (error) {
        const name = missingKeyOf(error);
        if (name === null && keys.length > 0 && error instanceof StagingFailed)
          throw new SealedStagingFailed(error.failure);
        if (name === null || keys.length === MAX_KEYS || keys.some((key) => key.name === name)) throw error;
        // On the disk it stays encrypted.
        if (body.tier === 'memory' && keys.length === 0) await this.#requirePlace(source);
        keys.push({ name, key: await this.#encodedKey(source, name) });
      }
    }
  }

  async #requirePlace(source: string): Promise<void> {
    const place = await this.#sealed.judgePlace();
    if (place.allowed) return;
    const message = `Cannot stage "${source}": it is encrypted, and its plaintext might leave the memory: ${place.reason}`;
    throw new StageFailed('refused', message, true);
  }

  async #encodedKey(source: string, name: string): Promise<string> {
    const key = await this.#sealed.keyOf(name);
    if (!key.ok)
      throw new StageFailed('key_unavailable', `Cannot stage "${source}": ${key.error.message}`, true);
    const encoded = key.value.toString('base64');
    key.value.fill(0);
    return encoded;
  }
}

/** null: the failure is another one. */
function missingKeyOf(error: unknown): string | null {
  if (!(error instanceof StagingFailed) || error.failure.code !== 'key_required') return null;
  return error.failure.keyName ?? null;
}
