import type {
  Catalogue,
  CatalogueAdapter,
  CatalogueAlias,
  CatalogueModel,
  ComboScaling,
} from '../domain/catalogue.ts';
import { parseCombo } from '../domain/combo.ts';
import { type Failure, fail, ok, type Result } from '../domain/errors.ts';
import { type AdapterId, type ComboName, type ModelId, modelId } from '../domain/ids.ts';
import type { ConfigDocument } from './configFile.ts';
import type { ConfigIssue } from './configIssues.ts';
import { type EntryContext, makeAdapter, makeModel, runnersOf } from './entries.ts';
import type { DocumentPath } from './yamlPositions.ts';

/**
 * The catalogue that a configuration file describes by itself: its adapters and aliases refer to nothing else, so
 * that a start never depends on what the admin API did. Every weight file is looked at; `unsettled` gets those whose
 * source is down. All issues in one failure.
 */
export async function fileCatalogue(
  document: ConfigDocument,
  looking: Pick<EntryContext, 'files' | 'converter'>,
  nowEpochMs: number,
  unsettled: Map<string, string> = new Map(),
): Promise<Result<Catalogue>> {
  const { config, directory } = document;
  const context: EntryContext = {
    ...looking,
    defaults: config.defaults,
    directory,
    source: 'file',
    unsettled,
  };
  const issues: ConfigIssue[] = sharedNames(document);
  const models = new Map<ModelId, CatalogueModel>();
  const adapters = new Map<AdapterId, CatalogueAdapter>();
  const aliases = new Map<string, CatalogueAlias>();

  for (const [index, spec] of config.models.entries()) {
    const model = await makeModel(spec, context);
    if (model.ok) models.set(model.value.id, model.value);
    else issues.push(issueAt(['models', index], model.error));
  }
  const declared = new Set(config.models.map(({ id }) => id));
  for (const [index, spec] of config.adapters.entries()) {
    const base = models.get(modelId(spec.base));
    if (base) {
      const adapter = await makeAdapter(spec, base, context);
      if (adapter.ok) adapters.set(adapter.value.id, adapter.value);
      else issues.push(issueAt(['adapters', index], adapter.error));
    } else if (!declared.has(spec.base)) {
      issues.push({
        path: ['adapters', index, 'base'],
        text: `expected the id of a model of this file, got ${JSON.stringify(spec.base)}`,
      });
    }
  }
  for (const [name, target] of Object.entries(config.aliases)) {
    aliases.set(name, { name, target, createdAtEpochMs: nowEpochMs, source: 'file' });
  }
  const catalogue: Catalogue = { models, adapters, aliases, scaling: new Map() };
  if (issues.length === 0) issues.push(...brokenAliases(catalogue));
  const scaling = issues.length === 0 ? scalingOf(document, catalogue, issues) : catalogue.scaling;
  if (issues.length === 0) checkPreload(document, catalogue, issues);
  return issues.length === 0
    ? ok({ ...catalogue, scaling })
    : fail('invalid_request', document.explain(issues));
}

/** Model ids, adapter ids and alias names share one namespace. */
function sharedNames({ config }: ConfigDocument): ConfigIssue[] {
  const seen = new Set<string>();
  const issues: ConfigIssue[] = [];
  const take = (name: string, issue: Omit<ConfigIssue, 'text'>) => {
    if (seen.has(name)) {
      const text = `expected a name that no other model, adapter or alias has, got ${JSON.stringify(name)} again`;
      issues.push({ ...issue, text });
    }
    seen.add(name);
  };
  for (const [index, { id }] of config.models.entries()) take(id, { path: ['models', index, 'id'] });
  for (const [index, { id }] of config.adapters.entries()) take(id, { path: ['adapters', index, 'id'] });
  for (const name of Object.keys(config.aliases)) take(name, { path: ['aliases'], key: name });
  return issues;
}

/** The section `combos` by canonical name. */
function scalingOf(
  { config }: ConfigDocument,
  catalogue: Catalogue,
  issues: ConfigIssue[],
): Map<ComboName, ComboScaling> {
  const scaling = new Map<ComboName, ComboScaling>();
  for (const [name, spec] of Object.entries(config.combos)) {
    const combo = parseCombo(name, [], catalogue);
    if (!combo.ok) issues.push({ path: ['combos', name], text: combo.error.message });
    else if (scaling.has(combo.value.name))
      issues.push({
        path: ['combos', name],
        text: `expected each combo once, got "${combo.value.name}" again`,
      });
    else scaling.set(combo.value.name, runnersOf(spec, { ...combo.value.model, minRunners: 0 }));
  }
  return scaling;
}

function checkPreload({ config }: ConfigDocument, catalogue: Catalogue, issues: ConfigIssue[]): void {
  for (const [index, name] of config.pool.preload.entries()) {
    const combo = parseCombo(name, [], catalogue);
    if (!combo.ok) issues.push({ path: ['pool', 'preload', index], text: combo.error.message });
  }
}

function brokenAliases(catalogue: Catalogue): ConfigIssue[] {
  return [...catalogue.aliases.values()].flatMap(({ name, target }) => {
    const combo = parseCombo(target, [], catalogue);
    return combo.ok ? [] : [{ path: ['aliases', name], text: combo.error.message }];
  });
}

/** The failure's field, when the entry has it, says where the value stands. */
function issueAt(entry: DocumentPath, { param, message }: Failure): ConfigIssue {
  return { path: param === undefined ? entry : [...entry, param], text: message };
}
