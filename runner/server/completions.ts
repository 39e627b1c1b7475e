import { createHash } from 'node:crypto';
import type { Engine, LoadedBase } from '../engine/engine.ts';
import {
  type ChatRequest,
  type CompletionRequest,
  chatRequestSchema,
  completionRequestSchema,
} from '../protocol/request.ts';
import { ChatAnswer } from './chatAnswer.ts';
import { type AnswerHead, ChatChunks } from './chatChunks.ts';
import { planChat } from './chatPlan.ts';
import { type ChoicePlan, Choices, type Outlet } from './choices.ts';
import { CompletionAnswer } from './completionAnswer.ts';
import { CompletionChunks } from './completionChunks.ts';
import { planCompletion } from './completionPlan.ts';
import { answerFailure, type Exchange } from './exchange.ts';
import { type AnswerWriter, type ChunkWriter, StreamOutlet, WholeOutlet } from './outlets.ts';
import { resolveCombo } from './resolveCombo.ts';
import { reportHeader } from './usage.ts';
import { parseBody } from './validate.ts';

/** `POST /v1/chat/completions`. */
export function serveChat(engine: Engine, exchange: Exchange, text: string): void {
  const parsed = parseBody(chatRequestSchema, text);
  if (!parsed.ok) return answerFailure(exchange, parsed.failure);
  const body = parsed.value;
  const resolved = resolveCombo(engine, exchange, body.model);
  if (!resolved.ok) return answerFailure(exchange, resolved.failure);
  const { combo, base } = resolved.value;
  const planned = planChat(body, combo, base, exchange.legacyFunctions);
  if (!planned.ok) return answerFailure(exchange, planned.failure);
  const head = headOf('chatcmpl', exchange, body.model, base);
  const n = planned.value.requests.length;
  run(engine, exchange, planned.value, body, {
    chunks: (includeUsage) => new ChatChunks(head, n, includeUsage),
    answer: () => new ChatAnswer(head, n, body.logprobs === true),
  });
}

/** `POST /v1/completions`. */
export function serveCompletion(engine: Engine, exchange: Exchange, text: string): void {
  const parsed = parseBody(completionRequestSchema, text);
  if (!parsed.ok) return answerFailure(exchange, parsed.failure);
  const body = parsed.value;
  const resolved = resolveCombo(engine, exchange, body.model);
  if (!resolved.ok) return answerFailure(exchange, resolved.failure);
  const { combo, base } = resolved.value;
  const planned = planCompletion(body, combo, base);
  if (!planned.ok) return answerFailure(exchange, planned.failure);
  const head = headOf('cmpl', exchange, body.model, base);
  const { echoes } = planned.value;
  const logprobs = body.logprobs ?? null;
  run(engine, exchange, planned.value, body, {
    chunks: (includeUsage) => new CompletionChunks(head, echoes, (logprobs ?? 0) > 0, includeUsage),
    answer: () => new CompletionAnswer(head, echoes, logprobs),
  });
}

interface Writers {
  chunks(includeUsage: boolean): ChunkWriter;
  answer(): AnswerWriter;
}

function run(
  engine: Engine,
  exchange: Exchange,
  plan: ChoicePlan,
  body: ChatRequest | CompletionRequest,
  writers: Writers,
): void {
  const { response } = exchange;
  if (response.destroyed) return;
  const includeUsage = body.stream_options?.include_usage === true;
  const outlet: Outlet =
    body.stream === true
      ? new StreamOutlet(exchange, writers.chunks(includeUsage), includeUsage, () => choices.abandon())
      : new WholeOutlet(exchange, writers.answer());
  const end = exchange.reports?.begin(exchange.requestId);
  if (end === null) return void response.destroy();
  const choices = new Choices(engine, plan, outlet, (tally) => end?.(reportHeader(tally)));
  // Also after a full answer, when there is nothing left to abandon.
  response.once('close', () => choices.abandon());
  choices.start();
}

function headOf(kind: 'chatcmpl' | 'cmpl', exchange: Exchange, model: string, base: LoadedBase): AnswerHead {
  return {
    id: `${kind}-${exchange.requestId}`,
    createdAtEpochS: exchange.createdAtEpochS,
    model,
    fingerprint: fingerprintOf(base),
    legacyFunctions: exchange.legacyFunctions,
    serviceTier: exchange.serviceTier,
  };
}

const fingerprints = new WeakMap<LoadedBase, string>();

/** Equal for equal backends: made from what the base is and how it was loaded. */
function fingerprintOf(base: LoadedBase): string {
  const known = fingerprints.get(base);
  if (known !== undefined) return known;
  const { modelId, architecture, weightBytes, contextTokens } = base;
  const text = JSON.stringify([modelId, architecture, weightBytes, contextTokens]);
  const made = `fp_${createHash('sha256').update(text).digest('hex').slice(0, 10)}`;
  fingerprints.set(base, made);
  return made;
}
