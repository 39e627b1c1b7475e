import type { EmbedResult } from '../../native/addonTypes.ts';
import { type Engine, EngineError, type LoadedBase } from '../engine/engine.ts';
import { toEngineError } from '../engine/failure.ts';
import { REPORT_HEADER } from '../protocol/report.ts';
import { type EmbeddingRequest, embeddingRequestSchema } from '../protocol/request.ts';
import { checkTokens, splitInputs } from './completionPlan.ts';
import { answerFailure, answerJson, type Exchange } from './exchange.ts';
import { type Checked, type Failure, refuse } from './failure.ts';
import { resolveCombo } from './resolveCombo.ts';
import { reportHeader, Tally } from './usage.ts';
import { parseBody } from './validate.ts';

/**
 * Inputs that go to the engine together: as many as it decodes at once, so that parts cost nothing. Between them others
 * get their turn and a client that has gone ends the work.
 */
const PART_INPUTS = 16;

/** `POST /v1/embeddings`. */
export async function serveEmbeddings(engine: Engine, exchange: Exchange, text: string): Promise<void> {
  const planned = planEmbeddings(engine, exchange, text);
  if (!planned.ok) return answerFailure(exchange, planned.failure);
  const { body, combo, inputs } = planned.value;
  const startedAtMonoMs = performance.now();
  let result: EmbedResult;
  try {
    const whole = await embedInParts(engine, exchange, combo, inputs);
    if (whole === null) return;
    result = whole;
  } catch (error) {
    return answerFailure(exchange, failureOf(error));
  }
  const tally = new Tally();
  tally.promptTokens = result.tokens.reduce((sum, tokens) => sum + tokens, 0);
  tally.prefillMs = performance.now() - startedAtMonoMs;
  const headers: Record<string, string> = exchange.wantsReport
    ? { [REPORT_HEADER]: reportHeader(tally) }
    : {};
  answerJson(exchange.response, 200, embeddingsJson(body, result, tally.promptTokens), headers);
}

/** null when nobody waits for the answer any more. */
async function embedInParts(
  engine: Engine,
  { response }: Exchange,
  combo: string,
  inputs: EmbeddingPlan['inputs'],
): Promise<EmbedResult | null> {
  const whole: EmbedResult = { vectors: [], tokens: [] };
  for (let first = 0; first < inputs.length; first += PART_INPUTS) {
    if (response.destroyed) return null;
    try {
      const part = await engine.embed(combo, inputs.slice(first, first + PART_INPUTS));
      whole.vectors.push(...part.vectors);
      whole.tokens.push(...part.tokens);
    } catch (error) {
      throw inWholeList(toEngineError(error), first);
    }
  }
  return whole;
}

/** The engine counts the inputs of its part, the client those of its list. */
function inWholeList({ failure }: EngineError, first: number): EngineError {
  const message = failure.message.replace(/(?<=\binput )\d+(?=: )/, (place) => String(first + Number(place)));
  return new EngineError({ ...failure, message });
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

function failureOf(error: unknown): Failure {
  const { code, message } = toEngineError(error).failure;
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
