import type { CatalogueAdapter, CatalogueAlias, CatalogueModel } from '../domain/catalogue.ts';

/** What is read from the file's header when the entry is made again is not stored. */
export type StoredModel = Omit<CatalogueModel, 'layers' | 'kvBytesPerToken' | 'computeBytes'>;

/** The catalogue's entries that the admin API made. All writes resolve when they are on disk. */
export interface CatalogueStore {
  load(): Promise<{ models: StoredModel[]; adapters: CatalogueAdapter[]; aliases: CatalogueAlias[] }>;
  putModel(model: StoredModel): Promise<void>;
  putAdapter(adapter: CatalogueAdapter): Promise<void>;
  putAlias(alias: CatalogueAlias): Promise<void>;
  deleteModel(id: string): Promise<void>;
  deleteAdapter(id: string): Promise<void>;
  deleteAlias(name: string): Promise<void>;
}
