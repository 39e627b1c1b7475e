import type { QueryName } from './queries.ts';

/** What the reader thread is started with. */
export interface ReaderOptions {
  /** How far the thread stands back for others when there are fewer cores than work: 0 to 19, as of nice(1). */
  readonly niceness: number;
}

/** Main thread to reader thread. */
export type ReaderRequest =
  | { readonly kind: 'open'; readonly path: string }
  | { readonly kind: 'read'; readonly id: number; readonly query: QueryName; readonly params: unknown }
  | { readonly kind: 'close' };

/** Reader thread to main thread. */
export type ReaderReply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'openFailed'; readonly message: string }
  | { readonly kind: 'rows'; readonly id: number; readonly rows: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string };
