import type { CatalogueAdapter, CatalogueAlias, CatalogueModel } from '../domain/catalogue.ts';

/** What is read from the file's header when the entry is made again is not stored. */
export type StoredModel = Omit<
  CatalogueModel,
  | 'file'
  | 'filesBytes'
  | 'layers'
  | 'kvBytesPerToken'
  | 'computeBytes'
  | 'segment'
  | 'isEncrypted'
  | 'unavailable'
>;

/** `path` is what the operator gave: a converted adapter is converted again, or found, when the entry is made again. */
export type StoredAdapter = Omit<CatalogueAdapter, 'converted' | 'segment' | 'isEncrypted' | 'unavailable'>;

/** The catalogue's entries that the admin API made. All writes resolve when they are on disk. */
export interface CatalogueStore {
  load(): Promise<{ models: StoredModel[]; adapters: StoredAdapter[]; aliases: CatalogueAlias[] }>;
  putModel(model: StoredModel): Promise<void>;
  putAdapter(adapter: StoredAdapter): Promise<void>;
  putAlias(alias: CatalogueAlias): Promise<void>;
  deleteModel(id: string): Promise<void>;
  deleteAdapter(id: string): Promise<void>;
  deleteAlias(name: string): Promise<void>;
}
