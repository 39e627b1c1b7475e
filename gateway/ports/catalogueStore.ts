import type { CatalogueAdapter, CatalogueAlias, CatalogueModel } from '../domain/catalogue.ts';

/** The catalogue's entries that the admin API made. All writes resolve when they are on disk. */
export interface CatalogueStore {
  load(): Promise<{ models: CatalogueModel[]; adapters: CatalogueAdapter[]; aliases: CatalogueAlias[] }>;
  putModel(model: CatalogueModel): Promise<void>;
  putAdapter(adapter: CatalogueAdapter): Promise<void>;
  putAlias(alias: CatalogueAlias): Promise<void>;
  deleteModel(id: string): Promise<void>;
  deleteAdapter(id: string): Promise<void>;
  deleteAlias(name: string): Promise<void>;
}
