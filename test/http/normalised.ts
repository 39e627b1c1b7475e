import { expect } from 'vitest';
import type { Failure, Result } from '../../gateway/domain/errors.ts';
import type { ParsedInference } from '../../gateway/http/openai/parsed.ts';
import {
  chatRequestSchema,
  completionRequestSchema,
  embeddingRequestSchema,
} from '../../runner/protocol/request.ts';

export const RUNNER_SCHEMAS = {
  chat: chatRequestSchema,
  completion: completionRequestSchema,
  embedding: embeddingRequestSchema,
};

/** The parsed request, after the runner's own strict schema has taken its body. */
export function accepted(
  result: Result<ParsedInference>,
  kind: keyof typeof RUNNER_SCHEMAS,
): ParsedInference & { body: Record<string, never> } {
  if (!result.ok) throw new Error(`refused: ${result.error.message}`);
  RUNNER_SCHEMAS[kind].parse({ model: 'base', ...result.value.body });
  return result.value as never;
}

export function refused(result: Result<unknown>): Failure {
  expect(result.ok).toBe(false);
  if (result.ok) throw new Error('accepted');
  expect(result.error.message).not.toMatch(/\.$/);
  return result.error;
}
