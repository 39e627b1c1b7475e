import type { Admission } from '../gateway/domain/admission.ts';
import type { Correction } from '../gateway/domain/correction.ts';
import { comboName, requestId } from '../gateway/domain/ids.ts';
import type { admissions, corrections } from './schema.ts';

type AdmissionRow = Omit<typeof admissions.$inferSelect, 'admissionId'>;

export function admissionRow({ base, reservation, ...same }: Admission): AdmissionRow {
  return { ...same, ...reservation, baseId: base };
}

export function admissionFromRow(row: AdmissionRow): Admission {
  const { mostCompletionTokens, promptTokensEstimate, reservedMicroUsd } = row;
  return {
    requestId: requestId(row.requestId),
    endpoint: row.endpoint,
    keyId: row.keyId,
    combo: comboName(row.combo),
    base: row.baseId,
    comboRevision: row.comboRevision,
    stream: row.stream,
    arrivedAtEpochMs: row.arrivedAtEpochMs,
    gatewayRun: row.gatewayRun,
    reservation: { mostCompletionTokens, promptTokensEstimate, reservedMicroUsd },
  };
}

/** Of a credit, before the id of the request whose answer pays. */
export const CREDIT_REASON = 'answered under the same idempotency key by ';

export function correctionFromRow(row: typeof corrections.$inferSelect): Correction {
  const { correctionId, ...same } = row;
  return { ...same, id: correctionId, requestId: requestId(row.requestId) };
}
