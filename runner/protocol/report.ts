/**
 * What a runner of ours reports beside an answer, so that the gateway passes the answer's bytes on unparsed.
 *
 * With the request header `x-hearth-report: 1` a stream ends after its last choice chunk, without the usage chunk and
 * without `data: [DONE]` (the gateway writes both, when the ledger row is on disk), and the report follows as an HTTP
 * trailer named `x-hearth-report`. An answer that is not a stream carries it as a response header of that name.
 * Without the request header the runner answers as any OpenAI server does.
 */
import * as z from 'zod';

export const REPORT_HEADER = 'x-hearth-report';
/** Request header that names the combo's pool key; without it the body's `model` is taken. */
export const COMBO_HEADER = 'x-hearth-combo';
export const REQUEST_ID_HEADER = 'x-request-id';
/** Request header of a chat that used the deprecated `functions`: answer with `function_call`, not `tool_calls`. */
export const LEGACY_FUNCTIONS_HEADER = 'x-hearth-legacy-functions';
/** Request header with OpenAI's `service_tier` that a chat's answer is to tell, as its gateway processed it. */
export const SERVICE_TIER_HEADER = 'x-hearth-service-tier';

const count = z.int().nonnegative();

/**
 * Token counts are the tokenizer's. A prompt counts once however many choices it has, as in OpenAI's usage; completion
 * tokens are summed over choices. Durations in milliseconds, of the slowest choice.
 */
export const runnerReportSchema = z.object({
  promptTokens: count,
  completionTokens: count,
  cachedTokens: count,
  /** Waiting for a sequence inside the runner. */
  queueMs: z.number().nonnegative(),
  prefillMs: z.number().nonnegative(),
  decodeMs: z.number().nonnegative(),
  /** Of the first choice: stop, length, tool_calls; null where there is none (embeddings) or it failed. */
  finishReason: z.string().nullable(),
  /** The stream ended in an error frame. */
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type RunnerReport = z.infer<typeof runnerReportSchema>;
