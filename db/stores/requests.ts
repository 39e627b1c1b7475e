import type { Correction, CorrectionDeltas } from '../../gateway/domain/correction.ts';
import { fail, ok, type Result } from '../../gateway/domain/errors.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { CostReads, KeySpend, Recheck, RecheckOrder } from '../../gateway/ports/costReads.ts';
import type {
  LedgerReads,
  RequestAccount,
  RequestFilter,
  RequestPosition,
} from '../../gateway/ports/ledgerReads.ts';
import type { ReaderClient } from '../reader/client.ts';
import type { WriterClient } from '../writer/client.ts';
import type { SpendFeed } from './spendFeed.ts';

/** Reads of the ledger, and corrections of what is read. */
export class RequestReads implements LedgerReads, CostReads {
  readonly #reader: ReaderClient;
  readonly #writer: WriterClient;
  readonly #spend: SpendFeed;

  constructor(reader: ReaderClient, writer: WriterClient, spend: SpendFeed) {
    this.#reader = reader;
    this.#writer = writer;
    this.#spend = spend;
  }

  /** The newest arrivals first, at most 10,000. */
  recent(limit: number): Promise<readonly RequestRecord[]> {
    return this.#reader.read('recentRequests', { limit });
  }

  spentSince(epochMs: number): Promise<readonly KeySpend[]> {
    return this.#reader.read('spentSince', { epochMs });
  }

  recheck(order: RecheckOrder): Promise<Recheck> {
    return this.#reader.read('recheck', order);
  }

  byId(id: string): Promise<RequestRecord | null> {
    return this.#reader.read('requestById', { id });
  }

  list(
    filter: RequestFilter,
    after: RequestPosition | null,
    limit: number,
  ): Promise<readonly RequestRecord[]> {
    return this.#reader.read('requestPage', { filter, after, limit });
  }

  account(requestId: string): Promise<RequestAccount | null> {
    return this.#reader.read('requestAccount', { id: requestId });
  }

  /** The statement itself checks again, so that of two corrections at once no sum falls below zero. */
  async correct(correction: Correction): Promise<Result<Correction>> {
    const { requestId } = correction;
    const account = await this.account(requestId);
    if (!account) return fail('not_found', `Cannot correct request "${requestId}": it is not in the ledger`);
    const used = usedOf(account);
    for (const name of ['promptTokens', 'cachedTokens', 'completionTokens', 'costMicroUsd'] as const) {
      if (used[name] + correction[name] >= 0) continue;
      const message = `Cannot correct ${name} of request "${requestId}" by ${correction[name]}: it has ${used[name]}`;
      return fail('conflict', message);
    }
    await this.#writer.write({ kind: 'correct', correction });
    const { keyId, arrivedAtEpochMs } = account.record;
    if (keyId !== null)
      this.#spend.tell({ keyId, dayEpochMs: arrivedAtEpochMs, microUsd: correction.costMicroUsd });
    return ok(correction);
  }
}

function usedOf({ record, corrections }: RequestAccount): CorrectionDeltas {
  const sum = (name: keyof CorrectionDeltas, recorded: number): number =>
    corrections.reduce((total, correction) => total + correction[name], recorded);
  return {
    promptTokens: sum('promptTokens', record.promptTokens),
    cachedTokens: sum('cachedTokens', record.cachedTokens),
    completionTokens: sum('completionTokens', record.completionTokens),
    costMicroUsd: sum('costMicroUsd', record.cost.totalMicroUsd),
  };
}
