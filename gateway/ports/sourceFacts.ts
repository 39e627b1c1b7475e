import type { ModelFileFacts } from './modelFile.ts';

/** What was last known of remote weights, by URI, so that a gateway starts while their source is down. */
export interface SourceFactsStore {
  load(): Promise<ModelFileFacts[]>;
  /** Replaces what was known of the same path. Resolves when it is on disk. */
  put(facts: ModelFileFacts): Promise<void>;
  forget(path: string): Promise<void>;
}
