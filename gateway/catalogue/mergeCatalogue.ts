import type { Catalogue } from '../domain/catalogue.ts';
import { parseCombo } from '../domain/combo.ts';
import type { CatalogueStore } from '../ports/catalogueStore.ts';
import { withAdapter, withAlias, withModel } from './edits.ts';
import { type EntryContext, makeAdapter, makeModel } from './entries.ts';

/** An entry of the admin API that is kept in the store but cannot be served now. */
export interface LeftOut {
  readonly kind: 'model' | 'adapter' | 'alias';
  readonly id: string;
  readonly reason: string;
}

/**
 * The file's catalogue and the admin API's entries together. Each stored entry is made again from its weight file,
 * which may have changed since; the file wins over an entry of the same id.
 */
export async function mergeCatalogue(
  fromFile: Catalogue,
  stored: Awaited<ReturnType<CatalogueStore['load']>>,
  context: EntryContext,
): Promise<{ readonly catalogue: Catalogue; readonly leftOut: readonly LeftOut[] }> {
  let catalogue = fromFile;
  const leftOut: LeftOut[] = [];
  const skip = (kind: LeftOut['kind'], id: string, reason: string) => leftOut.push({ kind, id, reason });

  for (const model of stored.models) {
    const { createdAtEpochMs, chatTemplate, maxThreads, ...rest } = model;
    const spec = { ...rest, chatTemplate: chatTemplate ?? undefined, maxThreads: maxThreads ?? undefined };
    const made = await makeModel(spec, { ...context, defaults: {} });
    if (isTaken(catalogue, model.id)) skip('model', model.id, 'the configuration file has this id');
    else if (made.ok) catalogue = withModel(catalogue, { ...made.value, createdAtEpochMs });
    else skip('model', model.id, made.error.message);
  }
  for (const { createdAtEpochMs, ...spec } of stored.adapters) {
    const base = catalogue.models.get(spec.base);
    if (isTaken(catalogue, spec.id)) {
      skip('adapter', spec.id, 'the configuration file has this id');
    } else if (!base) {
      skip('adapter', spec.id, `its base "${spec.base}" is not in the catalogue`);
    } else {
      const made = await makeAdapter(spec, base, context);
      if (made.ok) catalogue = withAdapter(catalogue, { ...made.value, createdAtEpochMs });
      else skip('adapter', spec.id, made.error.message);
    }
  }
  // In the order they were made, in which each found its target.
  for (const alias of stored.aliases) {
    const target = parseCombo(alias.target, [], catalogue);
    if (isTaken(catalogue, alias.name)) skip('alias', alias.name, 'the configuration file has this name');
    else if (target.ok) catalogue = withAlias(catalogue, alias);
    else skip('alias', alias.name, target.error.message);
  }
  return { catalogue, leftOut };
}

/** Whether a model, an adapter or an alias has the name: they share one namespace. */
export function isTaken({ models, adapters, aliases }: Catalogue, name: string): boolean {
  return (
    (models as ReadonlyMap<string, unknown>).has(name) ||
    (adapters as ReadonlyMap<string, unknown>).has(name) ||
    aliases.has(name)
  );
}
