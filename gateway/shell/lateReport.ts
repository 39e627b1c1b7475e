import type { Pool } from 'undici';
import { type RunnerReport, runnerReportSchema } from '../../runner/protocol/report.ts';
import type { RequestId } from '../domain/ids.ts';

/** A request whose connection was closed ends within one step of the decoder; nobody waits for this but the ledger. */
const PATIENCE_MS = 1_000;

/** What a request has used whose connection was closed before the runner had told; null: that cannot be known. */
export async function lateReport(client: Pool, id: RequestId): Promise<RunnerReport | null> {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const { statusCode, body } = await client.request({ path: `/reports/${id}`, method: 'GET', signal });
    const text = await body.text();
    const parsed = statusCode === 200 ? runnerReportSchema.safeParse(JSON.parse(text)) : null;
    return parsed?.success ? parsed.data : null;
  } catch {
    return null;
  }
}
