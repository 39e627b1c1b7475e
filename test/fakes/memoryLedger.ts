import type { Admission } from '../../gateway/domain/admission.ts';
import type { Correction } from '../../gateway/domain/correction.ts';
import type { RequestRecord } from '../../gateway/domain/requestRecord.ts';
import type { CreditOrder, KeyedAttempt, Ledger, PastAttempt } from '../../gateway/ports/ledger.ts';

/** The ledger without a disk. */
export class MemoryLedger implements Ledger {
  readonly rows = new Map<string, RequestRecord>();
  readonly admissions = new Map<string, Admission>();
  readonly corrections = new Map<string, Correction>();
  readonly #attempts: (KeyedAttempt & { requestId: string; openedAtEpochMs: number })[] = [];

  open(admission: Admission, attempt: KeyedAttempt | null): void {
    const { requestId, arrivedAtEpochMs: openedAtEpochMs } = admission;
    if (this.admissions.has(requestId)) return;
    this.admissions.set(requestId, admission);
    if (attempt) this.#attempts.push({ ...attempt, requestId, openedAtEpochMs });
  }

  async append(record: RequestRecord): Promise<void> {
    if (Number.isNaN(record.totalMs)) throw new Error('Cannot write appendRequest: totalMs is no number');
    if (!this.rows.has(record.requestId)) this.rows.set(record.requestId, record);
  }

  async creditAttempts(order: CreditOrder): Promise<void> {
    for (const attempt of this.#attempts) {
      const row = this.rows.get(attempt.requestId);
      const isOfThese =
        attempt.keyHash === order.keyHash &&
        attempt.bodyFingerprint === order.bodyFingerprint &&
        attempt.openedAtEpochMs >= order.sinceEpochMs &&
        attempt.requestId !== order.requestId;
      const id = `cor_${attempt.requestId}`;
      if (!isOfThese || !row || row.errorCode === null || this.corrections.has(id)) continue;
      if (row.promptTokens + row.completionTokens + row.cost.totalMicroUsd === 0) continue;
      this.corrections.set(id, {
        id,
        requestId: row.requestId,
        madeAtEpochMs: order.madeAtEpochMs,
        reason: `answered under the same idempotency key by ${order.requestId}`,
        author: 'system',
        promptTokens: -row.promptTokens,
        cachedTokens: 0 - row.cachedTokens,
        completionTokens: -row.completionTokens,
        costMicroUsd: 0 - row.cost.totalMicroUsd,
      });
    }
  }

  async lastAttempt(keyHash: string, sinceEpochMs: number): Promise<PastAttempt | null> {
    const last = this.#attempts.findLast(
      (attempt) =>
        attempt.keyHash === keyHash &&
        attempt.openedAtEpochMs >= sinceEpochMs &&
        this.rows.has(attempt.requestId),
    );
    if (!last) return null;
    const { openedAtEpochMs: _at, ...attempt } = last;
    return { ...attempt, isAnswered: this.rows.get(last.requestId)?.errorCode === null };
  }
}
