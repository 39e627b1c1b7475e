import type { UploadReport } from '../../runner/protocol/control.ts';
import { rateOf, type UploadDetail } from '../domain/startDetail.ts';

/** How a load brought weights to a device, as the admin API and events show it. */
export interface UploadView {
  /** `threaded`: by several threads through pinned memory (docs/adr/0013). `plain`: by llama.cpp alone. */
  readonly path: 'threaded' | 'plain';
  /** Why it is `plain`; null with `threaded`. */
  readonly reason: string | null;
  /** What the threads copied; after a check that failed it was thrown away. */
  readonly bytes: number;
  /** What else was seen to go there: small tensors beside the threads. */
  readonly plain_bytes: number;
  /** Of the loading thread, for `bytes`. */
  readonly took_ms: number;
  /** null: nothing went by threads. */
  readonly bytes_per_second: number | null;
  readonly threads: number;
  /** Of what was read back from the device; null: this load was not checked. */
  readonly check: 'passed' | 'failed' | null;
  readonly differing: number;
}

/** null: nothing of the load was for a device, or the engine does not tell. */
export function uploadView(report: UploadReport | undefined): UploadView | null {
  if (!report) return null;
  const { bytes, plainBytes, lanes, openMs, copyMs, drainMs, checked, differing, plainReason } = report;
  if (bytes === 0 && plainBytes === 0 && plainReason === undefined) return null;
  const failed = checked && differing > 0;
  const tookMs = bytes === 0 ? 0 : openMs + copyMs + drainMs;
  return {
    path: bytes > 0 && !failed ? 'threaded' : 'plain',
    reason: failed ? CHECK_FAILED : (plainReason ?? (bytes === 0 ? TOO_SMALL : null)),
    bytes,
    plain_bytes: plainBytes,
    took_ms: tookMs,
    bytes_per_second: bytes === 0 ? null : rateOf(bytes, tookMs),
    threads: lanes,
    check: checked ? (failed ? 'failed' : 'passed') : null,
    differing,
  };
}

/** What a start's record keeps of it; null: nothing that was used went by threads. */
export function uploadDetail(view: UploadView | null): UploadDetail | null {
  return view?.path === 'threaded' ? { bytes: view.bytes, tookMs: view.took_ms } : null;
}

const CHECK_FAILED = 'what was read back from the device was not what the file has';
const TOO_SMALL = 'no tensor is large enough for threads';
