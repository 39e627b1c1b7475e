import type { Endpoint } from '../domain/requestRecord.ts';

/** Where the inference endpoints are; all of them are asked with POST. */
export const INFERENCE_PATHS: Readonly<Record<Endpoint, string>> = {
  chat_completions: '/v1/chat/completions',
  completions: '/v1/completions',
  embeddings: '/v1/embeddings',
};

const ENDPOINTS = new Map(
  Object.entries(INFERENCE_PATHS).map(([endpoint, path]) => [path, endpoint as Endpoint]),
);

/** null: it is none of them. */
export function inferenceEndpoint(method: string, path: string): Endpoint | null {
  return method === 'POST' ? (ENDPOINTS.get(path) ?? null) : null;
}
