import type { ModelFileFacts } from '../../gateway/ports/modelFile.ts';
import type { SourceFactsStore } from '../../gateway/ports/sourceFacts.ts';

/** What is known of sources, without a disk. */
export class MemorySourceFacts implements SourceFactsStore {
  readonly rows = new Map<string, ModelFileFacts>();

  async load(): Promise<ModelFileFacts[]> {
    return [...this.rows.values()];
  }

  async put(facts: ModelFileFacts): Promise<void> {
    this.rows.set(facts.path, facts);
  }

  async forget(path: string): Promise<void> {
    this.rows.delete(path);
  }
}
