import { hasScheme } from '../../sources/uri.ts';
import type { CatalogueAdapter, CatalogueModel } from '../domain/catalogue.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { ModelFiles } from '../ports/modelFile.ts';
import type { ConfigDocument } from './configFile.ts';
import {
  adapterRevision,
  asGiven,
  type EntryContext,
  makeAdapter,
  makeModel,
  modelRevision,
} from './entries.ts';

type Looking = Pick<EntryContext, 'files' | 'converter'>;

/** The files of the entries are those that their revisions were made of. The first that is not fails. */
export async function checkFiles(
  files: ModelFiles,
  model: CatalogueModel,
  adapters: readonly CatalogueAdapter[],
): Promise<Result<true>> {
  const looks = await Promise.all([
    checkFile(files, 'model', model, (identity) => modelRevision(model, identity)),
    ...adapters.map((adapter) =>
      checkFile(files, 'adapter', adapter, (identity) => adapterRevision(adapter, identity)),
    ),
  ]);
  return looks.find((look) => !look.ok) ?? ok(true);
}

async function checkFile(
  files: ModelFiles,
  what: 'model' | 'adapter',
  { id, path, revision }: Pick<CatalogueModel | CatalogueAdapter, 'id' | 'path' | 'revision'>,
  revisionOf: (identity: string) => string,
): Promise<Result<true>> {
  // Of what is behind a URI the version is fixed when it is brought here; nobody is asked over a network for a start.
  if (hasScheme(path)) return ok(true);
  const facts = await files.inspect(path);
  if (!facts.ok) return fail('not_found', `Cannot use ${what} "${id}": ${facts.error.message}`);
  if (revisionOf(facts.value.identity) === revision) return ok(true);
  return fail(
    'start_failed',
    `Cannot use ${what} "${id}": expected its weight file "${path}" as it was at revision "${revision}", got a changed one`,
  );
}

/** The model as its file is now, by what was configured for it. Its template stays: that is read when it is told to be. */
export function remakeModel(
  model: CatalogueModel,
  { config, directory }: ConfigDocument,
  { files, converter }: Looking,
): Promise<Result<CatalogueModel>> {
  const { chatTemplate: template, maxThreads, source } = model;
  const chatTemplate = template ?? undefined;
  const context = { files, converter, directory, source };
  const own = source === 'file' ? config.models.find(({ id }) => id === model.id) : undefined;
  if (!own) {
    const spec = { ...model, chatTemplate, maxThreads: maxThreads ?? undefined };
    return makeModel(spec, { ...context, defaults: {} });
  }
  const plain = { chatTemplate: undefined, chatTemplateFile: undefined };
  const defaults = { ...config.defaults, ...plain };
  return makeModel({ ...own, ...plain, chatTemplate }, { ...context, defaults });
}

/** The same for an adapter. */
export function remakeAdapter(
  adapter: CatalogueAdapter,
  base: CatalogueModel,
  { directory }: ConfigDocument,
  { files, converter }: Looking,
): Promise<Result<CatalogueAdapter>> {
  const context = { files, converter, defaults: {}, directory, source: adapter.source };
  return makeAdapter(asGiven(adapter), base, context);
}
