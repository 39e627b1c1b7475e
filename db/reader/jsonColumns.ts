import * as z from 'zod/mini';
import { type ApiKey, ENDPOINTS } from '../../gateway/domain/apiKey.ts';
import type { ModelFileFacts } from '../../gateway/ports/modelFile.ts';

const Detail = z.record(z.string(), z.unknown());

/** An event's detail. A row that somebody has edited by hand must not hide the others: what is no object is `{}`. */
export function parseDetail(json: string): Record<string, unknown> {
  try {
    const parsed = Detail.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : {};
  } catch {
    return {};
  }
}

const SourceFacts = z.object({
  path: z.string(),
  kind: z.enum(['model', 'adapter']),
  architecture: z.string(),
  trainedContextTokens: z.number(),
  layers: z.number(),
  kvBytesPerToken: z.number(),
  computeBytes: z.number(),
  parts: z.number(),
  isEncrypted: z.optional(z.boolean()),
  sizeBytes: z.number(),
  modifiedAtEpochMs: z.number(),
  identity: z.string(),
  sha256: z.optional(z.string()),
});

/** Empty for a row that is not what this version writes: its source is asked again. */
export function parseSourceFacts(json: string): ModelFileFacts[] {
  try {
    const parsed = SourceFacts.safeParse(JSON.parse(json));
    if (!parsed.success) return [];
    const { sha256, isEncrypted, ...facts } = parsed.data;
    return [
      {
        ...facts,
        ...(isEncrypted === undefined ? {} : { isEncrypted }),
        ...(sha256 === undefined ? {} : { sha256 }),
      },
    ];
  } catch {
    return [];
  }
}

const Tags = z.record(z.string(), z.string());

/** The tags of a key's terms; none when they are not what this version writes. */
export function parseKeyTags(termsJson: string): Record<string, string> {
  const parsed = Tags.safeParse(parseDetail(termsJson)['tags']);
  return parsed.success ? parsed.data : {};
}

const names = z.nullable(z.array(z.string()));
const amount = z.nullable(z.number());

const KeyTerms = z.object({
  scopes: z.object({ models: names, adapters: names, endpoints: z.nullable(z.array(z.enum(ENDPOINTS))) }),
  limits: z.object({ requestsPerMinute: amount, tokensPerMinute: amount, concurrentRequests: amount }),
  budget: z.nullable(
    z.object({ period: z.enum(['day', 'month']), softMicroUsd: amount, hardMicroUsd: amount }),
  ),
  tags: z.record(z.string(), z.string()),
});

/** What a key may do. Throws where that cannot be read: nobody may come in by a key that has lost its bounds. */
export function parseKeyTerms(
  keyId: string,
  json: string,
): Pick<ApiKey, 'scopes' | 'limits' | 'budget' | 'tags'> {
  try {
    return KeyTerms.parse(JSON.parse(json));
  } catch (cause) {
    throw new Error(`Cannot read API key "${keyId}" of the database: its terms are damaged`, { cause });
  }
}
