import type { DoneEvent } from '../../native/addonTypes.ts';
import type { RunnerReport } from '../protocol/report.ts';
import type { Failure } from './failure.ts';

/** Adds up what the choices of one request used. */
export class Tally {
  promptTokens = 0;
  completionTokens = 0;
  cachedTokens = 0;
  queueMs = 0;
  prefillMs = 0;
  decodeMs = 0;
  finishReason: string | null = null;

  /** `countsPrompt`: the choice is the first of its prompt. */
  add(choice: number, countsPrompt: boolean, done: DoneEvent): void {
    // One that was cancelled before it had a sequence has used nothing of its prompt.
    if (countsPrompt && (done.finishReason !== 'cancelled' || done.prefillMs > 0)) {
      this.promptTokens += done.promptTokens;
      this.cachedTokens += done.cachedTokens;
    }
    this.completionTokens += done.completionTokens;
    this.queueMs = Math.max(this.queueMs, done.queueMs);
    this.prefillMs = Math.max(this.prefillMs, done.prefillMs);
    this.decodeMs = Math.max(this.decodeMs, done.decodeMs);
    if (choice === 0) this.finishReason = done.finishReason;
  }
}

/** OpenAI's `usage` of a completion, as JSON. */
export function usageJson(tally: Tally): string {
  return JSON.stringify({
    prompt_tokens: tally.promptTokens,
    completion_tokens: tally.completionTokens,
    total_tokens: tally.promptTokens + tally.completionTokens,
    prompt_tokens_details: { cached_tokens: tally.cachedTokens },
  });
}

/** The report as the value of a header or trailer: JSON in ASCII. */
export function reportHeader(tally: Tally, failure?: Failure): string {
  const { promptTokens, completionTokens, cachedTokens, queueMs, prefillMs, decodeMs, finishReason } = tally;
  const report: RunnerReport = {
    promptTokens,
    completionTokens,
    cachedTokens,
    queueMs,
    prefillMs,
    decodeMs,
    finishReason: failure === undefined ? finishReason : null,
    ...(failure === undefined ? {} : { error: { code: failure.code, message: failure.message } }),
  };
  return asciiJson(report);
}

/** JSON whose text is ASCII, since a header cannot carry anything else. */
export function asciiJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
