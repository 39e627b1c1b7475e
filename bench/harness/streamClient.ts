import { performance } from 'node:perf_hooks';
import { errors, type Pool } from 'undici';

/** A server to be measured. All speak OpenAI's API; what they need beside it is in `body` and `headers`. */
export interface Target {
  readonly name: string;
  readonly pool: Pool;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StreamResult {
  readonly ttftMs: number;
  readonly totalMs: number;
  readonly tokens: number;
  readonly promptTokens: number;
  /** The start kind, as the gateway says it at the end; null: a server without. */
  readonly start: string | null;
  /** Its phases, in milliseconds. */
  readonly phasesMs: Readonly<Record<string, number>>;
}

/**
 * One streamed chat completion, with as little work per chunk as can be: the client shares the cores with what it
 * measures. The first token comes with the first `data` frame;
 * tokens are counted by the usage chunk.
 */
export async function stream(target: Target, prompt: string, maxTokens: number): Promise<StreamResult> {
  try {
    return await streamOnce(target, prompt, maxTokens);
  } catch (error) {
    // llama-server closes kept-alive connections after some requests (FACTS.md): once more on a fresh one.
    if (!(error instanceof errors.SocketError)) throw error;
    return streamOnce(target, prompt, maxTokens);
  }
}

function streamOnce(target: Target, prompt: string, maxTokens: number): Promise<StreamResult> {
  const body = JSON.stringify({
    messages: [{ role: 'user', content: prompt }],
    temperature: 0,
    max_tokens: maxTokens,
    stream: true,
    stream_options: { include_usage: true },
    ...target.body,
  });
  const startedMs = performance.now();
  let firstMs = 0;
  let tail = '';
  let status = 0;
  return new Promise((resolve, reject) => {
    target.pool.dispatch(
      {
        path: '/v1/chat/completions',
        method: 'POST',
        headers: { 'content-type': 'application/json', ...target.headers },
        body,
      },
      {
        onRequestStart() {},
        onResponseStart(_controller, code) {
          status = code;
        },
        onResponseData(_controller, chunk) {
          // What keeps a waiting stream alive is comments: `: hearth cold 53%`.
          if (firstMs === 0 && chunk.includes('data: ')) firstMs = performance.now();
          tail = chunk.length > 1500 ? chunk.toString('utf8') : (tail + chunk.toString('utf8')).slice(-3000);
        },
        onResponseEnd() {
          const usage = (name: string): number => Number(new RegExp(`"${name}":(\\d+)`).exec(tail)?.[1] ?? 0);
          const tokens = usage('completion_tokens');
          const promptTokens = usage('prompt_tokens');
          if (status !== 200 || tokens === 0)
            reject(new Error(`${target.name}: ${status} ${tail.slice(0, 300)}`));
          else {
            const totalMs = performance.now() - startedMs;
            const start = /"start":"(\w+)"/.exec(tail)?.[1] ?? null;
            const phases = /"phases_ms":(\{[^}]*\})/.exec(tail)?.[1] ?? '{}';
            const phasesMs = JSON.parse(phases) as Record<string, number>;
            resolve({ ttftMs: firstMs - startedMs, totalMs, tokens, promptTokens, start, phasesMs });
          }
        },
        onResponseError(_controller, error) {
          reject(error);
        },
      },
    );
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
