import type { EmbedResult } from '../../native/addonTypes.ts';
import type { Engine, LoadedBase } from '../engine/engine.ts';
import { toEngineError } from '../engine/failure.ts';
import { REPORT_HEADER } from '../protocol/report.ts';
import { type EmbeddingRequest, embeddingRequestSchema } from '../protocol/request.ts';
import { checkTokens, splitInputs } from './completionPlan.ts';
import { answerFailure, answerJson, type Exchange } from './exchange.ts';
import { type Checked, type Failure, refuse } from './failure.ts';
import { resolveCombo } from './resolveCombo.ts';
import { reportHeader, Tally } from './usage.ts';
import { parseBody } from './validate.ts';

/** What the engine is given at once, about what it decodes together: tokens, or characters for which they stand. */
const MOST_AT_ONCE = { inputs: 16, tokens: 512, characters: 2048 };

/**
 * `POST /v1/embeddings`. The engine gets the inputs in small groups: between two of them a client that has gone is
 * noticed, and other requests for embeddings get their turn.
 */
export async function serveEmbeddings(engine: Engine, exchange: Exchange, text: string): Promise<void> {
  const planned = planEmbeddings(engine, exchange, text);
  if (!planned.ok) return answerFailure(exchange, planned.failure);
  const { body, combo, inputs } = planned.value;
  const startedAtMonoMs = performance.now();
  const end = exchange.reports?.begin(exchange.requestId);
  if (end === null) return void exchange.response.destroy();
  const result: EmbedResult = { vectors: [], tokens: [] };
  const tallyOfNow = (): Tally => tallyOf(result, performance.now() - startedAtMonoMs);
  while (result.tokens.length < inputs.length) {
    if (exchange.response.destroyed) return end?.(reportHeader(tallyOfNow()));
    const from = result.tokens.length;
    try {
      const { vectors, tokens } = await engine.embed(combo, groupOf(inputs, from));
      result.vectors.push(...vectors);
      result.tokens.push(...tokens);
    } catch (error) {
      end?.(reportHeader(tallyOfNow()));
      return answerFailure(exchange, failureOf(error, from));
    }
  }
  const tally = tallyOfNow();
  const report = reportHeader(tally);
  end?.(report);
  const headers: Record<string, string> = exchange.wantsReport ? { [REPORT_HEADER]: report } : {};
  answerJson(exchange.response, 200, embeddingsJson(body, result, tally.promptTokens), headers);
}

function tallyOf({ tokens }: EmbedResult, prefillMs: number): Tally {
  const tally = new Tally();
  tally.promptTokens = tokens.reduce((sum, count) => sum + count, 0);
  tally.prefillMs = prefillMs;
  return tally;
}

/** The inputs from `from` on that go together; always one at least. */
function groupOf(inputs: EmbeddingPlan['inputs'], from: number): EmbeddingPlan['inputs'] {
  let share = 0;
  let until = from;
  do {
    const input = inputs[until] ?? '';
    const most = typeof input === 'string' ? MOST_AT_ONCE.characters : MOST_AT_ONCE.tokens;
    share += Math.max(1 / MOST_AT_ONCE.inputs, input.length / most);
    until += 1;
  } while (until < inputs.length && share < 1);
  return inputs.slice(from, until);
}

interface EmbeddingPlan {
  body: EmbeddingRequest;
  combo: string;
  inputs: (string | number[])[];
}

function planEmbeddings(engine: Engine, exchange: Exchange, text: string): Checked<EmbeddingPlan> {
  const parsed = parseBody(embeddingRequestSchema, text);
  if (!parsed.ok) return parsed;
  const body = parsed.value;
  const resolved = resolveCombo(engine, exchange, body.model);
  if (!resolved.ok) return resolved;
  const { combo, base } = resolved.value;
  const inputs = splitInputs(body.input);
  const refused = checkTokens(inputs, base, 'input') ?? checkDimensions(body, base);
  if (refused !== null) return refused;
  if (inputs.includes(''))
    return refuse('invalid_value', 'Cannot accept "input": expected no empty text', 'input');
  return { ok: true, value: { body, combo, inputs } };
}

function checkDimensions({ dimensions }: EmbeddingRequest, base: LoadedBase) {
  if (dimensions === undefined || dimensions === base.embeddingLength) return null;
  const message = `Cannot accept "dimensions": expected ${base.embeddingLength}, the only length this model has, got ${dimensions}`;
  return refuse('invalid_value', message, 'dimensions');
}

/** `from`: where the inputs began that the engine counts from 0. */
function failureOf(error: unknown, from: number): Failure {
  const { code, message: told } = toEngineError(error).failure;
  const message = told.replace(/(?<=^Cannot embed input )\d+/, (index) => String(Number(index) + from));
  if (code === 'context_length_exceeded' || code === 'invalid_argument') {
    return { code: code === 'invalid_argument' ? 'invalid_value' : code, message, param: 'input' };
  }
  if (code === 'combo_not_attached') return { code, message, param: 'model' };
  return { code: 'engine_failed', message, param: null };
}

function embeddingsJson(body: EmbeddingRequest, { vectors }: EmbedResult, promptTokens: number): string {
  const inBase64 = body.encoding_format === 'base64';
  const data = vectors.map((vector, index) => ({
    object: 'embedding',
    index,
    embedding: inBase64 ? base64Floats(vector) : Array.from(vector),
  }));
  const usage = { prompt_tokens: promptTokens, total_tokens: promptTokens };
  return JSON.stringify({ object: 'list', data, model: body.model, usage });
}

/** Little-endian float32, as OpenAI's clients read it. */
export function base64Floats(vector: Float32Array): string {
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  vector.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes.toString('base64');
}
