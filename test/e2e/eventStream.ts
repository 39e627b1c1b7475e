import type { TestGateway } from './startGateway.ts';

/** An event as the admin API tells it. */
export interface HeardEvent {
  readonly type: string;
  readonly runner: string | null;
  readonly combo: string | null;
  readonly detail: Readonly<Record<string, any>>;
}

/** What a gateway tells from now on, as it comes. */
export interface EventStream {
  readonly heard: readonly HeardEvent[];
  /** When the gateway or `close` has ended it. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export async function listenTo(gateway: TestGateway): Promise<EventStream> {
  const ending = new AbortController();
  const headers = { authorization: `Bearer ${gateway.adminToken}`, accept: 'text/event-stream' };
  const response = await fetch(`${gateway.url}/admin/v1/events`, { headers, signal: ending.signal });
  const heard: HeardEvent[] = [];
  const read = async (): Promise<void> => {
    let rest = '';
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      const parts = (rest + decoder.decode(bytes, { stream: true })).split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part.startsWith('data: ')) heard.push(JSON.parse(part.slice(6)));
    }
  };
  const ended = read().catch(() => {});
  return {
    heard,
    ended,
    close: () => {
      ending.abort();
      return ended;
    },
  };
}
