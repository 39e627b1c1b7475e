import type { RequestRecord } from '../domain/requestRecord.ts';
import { rateOf, type StageDetail, type StageWork, type StartDetail } from '../domain/startDetail.ts';
import { roundMs, roundPhases } from './requestTimes.ts';
import type { FirstChunk } from './sseForwarder.ts';

/** The last chunk of a stream that asked for usage: OpenAI's, with the whole phase record under `hearth`. */
export function usageChunk(record: RequestRecord, first: FirstChunk | null): string {
  const chunk = {
    id: first?.id ?? record.requestId,
    object: first?.object ?? 'chat.completion.chunk',
    created: first?.created ?? Math.floor(record.arrivedAtEpochMs / 1000),
    model: first?.model ?? record.combo,
    ...(first?.serviceTier ? { service_tier: first.serviceTier } : {}),
    choices: [],
    usage: {
      prompt_tokens: record.promptTokens,
      completion_tokens: record.completionTokens,
      total_tokens: record.promptTokens + record.completionTokens,
      prompt_tokens_details: { cached_tokens: record.cachedTokens },
    },
    hearth: {
      request_id: record.requestId,
      combo: record.combo,
      start: record.startKind,
      joined: record.joined,
      runner: record.runnerId,
      phases_ms: roundPhases(record.phasesMs),
      ...detailOf(record.startDetail),
      ttft_ms: record.ttftMs === null ? null : roundMs(record.ttftMs),
      total_ms: roundMs(record.totalMs),
      cost_micro_usd: record.cost.totalMicroUsd,
    },
  };
  return `data: ${JSON.stringify(chunk)}\n\n`;
}

/** What was not needed, or is not known, is absent. */
function detailOf(detail: StartDetail | null): object {
  if (!detail) return {};
  const { tier, staged, upload } = detail;
  return {
    ...(tier === null ? {} : { tier }),
    ...(staged === null ? {} : { staging: stagingOf(staged) }),
    ...(upload === null ? {} : { upload: movedOf(upload.bytes, upload.tookMs) }),
  };
}

function stagingOf({ bytes, wallMs, downloadMs, work }: StageDetail): object {
  return {
    ...movedOf(bytes, wallMs),
    ...(downloadMs === null ? {} : { download_ms: roundMs(downloadMs) }),
    ...(work === null ? {} : { threads: work.threads, thread_ms: threadTimesOf(work) }),
  };
}

function threadTimesOf({ readMs, decryptMs, verifyMs }: StageWork): object {
  return {
    read: roundMs(readMs),
    ...(decryptMs === null ? {} : { decrypt: roundMs(decryptMs) }),
    verify: roundMs(verifyMs),
  };
}

function movedOf(bytes: number, tookMs: number): object {
  return { bytes, took_ms: roundMs(tookMs), bytes_per_second: rateOf(bytes, tookMs) };
}
