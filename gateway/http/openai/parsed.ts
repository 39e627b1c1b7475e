import type { LoraField } from '../../domain/combo.ts';
import type { ServiceTier } from '../../shell/inference.ts';

/** A body of an inference endpoint after the door: what is ours taken out, the rest normalised for a runner. */
export interface ParsedInference {
  /** As the client wrote it. */
  readonly model: string;
  readonly lora: readonly LoraField[];
  /** runner/protocol/request.ts without `model`. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly legacyFunctions: boolean;
  /** Milliseconds; Infinity for never by idleness; undefined when not given. */
  readonly keepAliveMs: number | undefined;
  /** How it is processed, as OpenAI names it; null when not asked. */
  readonly serviceTier: ServiceTier | null;
  /** Most tokens asked for; checked against the model's context before anything is started. */
  readonly maxTokens: number | undefined;
  /** The field that `maxTokens` came from. */
  readonly maxTokensParam: 'max_tokens' | 'max_completion_tokens';
  /** Names of fields that are accepted without effect, for `x-hearth-ignored`. */
  readonly ignored: readonly string[];
}
