import { ok, type Result } from '../../domain/errors.ts';
import { embeddingSchema } from './embeddingSchema.ts';
import type { ParsedInference } from './parsed.ts';
import { readBody, readCommon } from './read.ts';
import { checkTextOrTokens } from './textOrTokens.ts';

/** Reads the body of `POST /v1/embeddings` and normalises it for a runner. */
export function parseEmbedding(json: unknown): Result<ParsedInference> {
  const read = readBody(embeddingSchema, json);
  if (!read.ok) return read;
  const { input, ignored } = read.value;
  const common = readCommon(input);
  if (!common.ok) return common;
  const texts = checkTextOrTokens(input.input, 'input', false);
  if (!texts.ok) return texts;
  const body = {
    input: texts.value,
    ...(input.encoding_format == null ? {} : { encoding_format: input.encoding_format }),
    ...(input.dimensions == null ? {} : { dimensions: input.dimensions }),
  };
  return ok({
    model: input.model,
    lora: common.value.lora,
    body,
    stream: false,
    includeUsage: false,
    legacyFunctions: false,
    keepAliveMs: common.value.keepAliveMs,
    serviceTier: common.value.serviceTier,
    maxTokens: undefined,
    maxTokensParam: 'max_tokens',
    ignored: ignored.names(),
  });
}
