import type { QueryName } from './queries.ts';

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
