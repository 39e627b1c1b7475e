import * as z from 'zod';
import { quote } from './headerText.ts';

const MAX_RANK = 65_536;
const MAX_PATTERNS = 10_000;
const MAX_PATTERN_LENGTH = 512;

/** What of PEFT's adapter_config.json decides how the tensors are to be read. */
export interface AdapterConfig {
  readonly rank: number;
  readonly alpha: number;
  /** Modules that differ, by a pattern of their names (peft/tuners/tuners_utils.py, get_pattern_key). */
  readonly rankPatterns: readonly ModulePattern[];
  readonly alphaPatterns: readonly ModulePattern[];
  /** Scaled by alpha / sqrt(rank) rather than alpha / rank (arXiv 2312.03732). */
  readonly isRankStabilised: boolean;
}

export interface ModulePattern {
  readonly matches: RegExp;
  readonly value: number;
}

/** Initialisations that leave the base as it is; PiSSA, OLoRA, CorDA, LoftQ and LoRA-GA need a changed base. */
const HARMLESS_INITIALISATIONS = new Set<unknown>([
  true,
  false,
  null,
  undefined,
  'gaussian',
  'eva',
  'orthogonal',
]);

const isOff = (value: unknown) =>
  value === undefined || value === null || value === false || (typeof value === 'object' && isEmpty(value));

/** What is not supported, by the field that asks for it: when its value is acceptable, and what it would be. */
const REFUSED: readonly (readonly [field: string, isFine: (value: unknown) => boolean, what: string])[] = [
  ['use_dora', isOff, 'DoRA'],
  ['modules_to_save', isOff, 'whole modules beside the LoRA'],
  ['bias', (value) => isOff(value) || value === 'none', 'trained biases'],
  ['lora_bias', isOff, 'a bias of lora_B'],
  ['fan_in_fan_out', isOff, 'transposed weights'],
  ['trainable_token_indices', isOff, 'trained tokens'],
  ['target_parameters', isOff, 'LoRA of parameters rather than modules'],
  ['layer_replication', isOff, 'repeated layers'],
  ['alora_invocation_tokens', isOff, 'an activated LoRA'],
  ['arrow_config', isOff, 'Arrow routing'],
  ['kasa_config', isOff, 'KaSA'],
  ['monteclora_config', isOff, 'MonteCLoRA'],
  [
    'init_lora_weights',
    (value) => HARMLESS_INITIALISATIONS.has(value),
    'an initialisation that changes the base',
  ],
];
const KNOWN_USES = new Set(['use_dora', 'use_rslora']);

const pattern = (value: z.ZodType<number>) => z.record(z.string(), value).nullish();
const rank = z.int().min(1).max(MAX_RANK);
const alpha = z.number().min(1e-30).max(1e30);
const schema = z.looseObject({
  peft_type: z.literal('LORA'),
  r: rank,
  // llama.cpp takes an alpha of 0 for "unscaled" (llama-adapter.h, get_scale), so there is no writing it.
  lora_alpha: alpha,
  rank_pattern: pattern(rank),
  alpha_pattern: pattern(alpha),
  use_rslora: z.boolean().nullish(),
});

/** Reads adapter_config.json. Throws an Error that names what is wrong or not supported. */
export function parseAdapterConfig(text: string): AdapterConfig {
  const written = parseObject(text);
  for (const [field, isFine, what] of REFUSED) {
    if (!isFine(written[field])) {
      throw new Error(`expected no ${what} in adapter_config.json, got ${field} ${show(written[field])}`);
    }
  }
  for (const [field, value] of Object.entries(written)) {
    if (field.startsWith('use_') && !KNOWN_USES.has(field) && !isOff(value)) {
      throw new Error(
        `expected no ${clip(field)} in adapter_config.json, which is not known here, got ${show(value)}`,
      );
    }
  }
  const parsed = schema.safeParse(written);
  if (!parsed.success) throw new Error(firstIssue(parsed.error));
  const config = parsed.data;
  return {
    rank: config.r,
    alpha: config.lora_alpha,
    rankPatterns: readPatterns('rank_pattern', config.rank_pattern),
    alphaPatterns: readPatterns('alpha_pattern', config.alpha_pattern),
    isRankStabilised: config.use_rslora === true,
  };
}

/** The value of the first pattern that matches the module's name, as PEFT picks it. */
export function patternValue(patterns: readonly ModulePattern[], module: string, otherwise: number): number {
  return patterns.find(({ matches }) => matches.test(module))?.value ?? otherwise;
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`adapter_config.json is no JSON: ${reason}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('adapter_config.json: expected an object');
  }
  return value as Record<string, unknown>;
}

function readPatterns(
  field: string,
  written: Readonly<Record<string, number>> | null | undefined,
): ModulePattern[] {
  const entries = Object.entries(written ?? {});
  if (entries.length > MAX_PATTERNS) {
    throw new Error(`expected at most ${MAX_PATTERNS} entries of ${field}, got ${entries.length}`);
  }
  return entries.map(([key, value]) => ({ matches: patternOf(field, key), value }));
}

function patternOf(field: string, key: string): RegExp {
  if (key.length > MAX_PATTERN_LENGTH) {
    throw new Error(
      `expected keys of ${field} of at most ${MAX_PATTERN_LENGTH} characters, got ${key.length}`,
    );
  }
  try {
    return new RegExp(`^(?:.*\\.)?(?:${key})$`);
  } catch (cause) {
    throw new Error(`expected a module's name or a pattern of names in ${field}, got ${quote(key)}`, {
      cause,
    });
  }
}

function firstIssue({ issues: [issue] }: z.ZodError): string {
  const field = clip(issue?.path.map(String).join('.') ?? '');
  return `adapter_config.json: ${field}: ${issue?.message ?? 'not understood'}`;
}

function show(value: unknown): string {
  return clip(JSON.stringify(value) ?? 'undefined');
}

function clip(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}...`;
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0;
}
