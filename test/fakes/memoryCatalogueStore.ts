import type { CatalogueAdapter, CatalogueAlias } from '../../gateway/domain/catalogue.ts';
import type { CatalogueStore, StoredModel } from '../../gateway/ports/catalogueStore.ts';

/** The store without a disk. `failNext` makes the next write reject. */
export class MemoryCatalogueStore implements CatalogueStore {
  readonly models = new Map<string, StoredModel>();
  readonly adapters = new Map<string, CatalogueAdapter>();
  readonly aliases = new Map<string, CatalogueAlias>();
  failNext: Error | null = null;

  async load() {
    return {
      models: oldestFirst(this.models),
      adapters: oldestFirst(this.adapters),
      aliases: oldestFirst(this.aliases),
    };
  }

  putModel(model: StoredModel): Promise<void> {
    return this.#write(() => this.models.set(model.id, model));
  }

  putAdapter(adapter: CatalogueAdapter): Promise<void> {
    return this.#write(() => this.adapters.set(adapter.id, adapter));
  }

  putAlias(alias: CatalogueAlias): Promise<void> {
    return this.#write(() => this.aliases.set(alias.name, alias));
  }

  deleteModel(id: string): Promise<void> {
    return this.#write(() => this.models.delete(id));
  }

  deleteAdapter(id: string): Promise<void> {
    return this.#write(() => this.adapters.delete(id));
  }

  deleteAlias(name: string): Promise<void> {
    return this.#write(() => this.aliases.delete(name));
  }

  async #write(apply: () => void): Promise<void> {
    const failure = this.failNext;
    this.failNext = null;
    if (failure) throw failure;
    apply();
  }
}

function oldestFirst<T extends { readonly createdAtEpochMs: number }>(entries: ReadonlyMap<string, T>): T[] {
  return [...entries.values()].sort((a, b) => a.createdAtEpochMs - b.createdAtEpochMs);
}
