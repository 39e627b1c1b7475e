import { shownUri } from '../../sources/uri.ts';
import type { Catalogue, CatalogueAdapter, CatalogueAlias, CatalogueModel } from '../domain/catalogue.ts';
import { parseCombo } from '../domain/combo.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import { ALIAS_PATTERN, adapterId, ID_PATTERN, modelId } from '../domain/ids.ts';
import type { PriceBook } from '../domain/prices.ts';
import type { EventLog } from '../ports/eventLog.ts';
import type { Log } from '../ports/log.ts';
import type { WeightFiles } from '../ports/weightFiles.ts';
import { checkFiles, remakeAdapter, remakeModel } from './changedFiles.ts';
import type { ConfigDocument } from './configFile.ts';
import { brokenAlias, withAdapter, withAlias, withModel, without } from './edits.ts';
import { asGiven, type EntryContext, makeAdapter, makeModel } from './entries.ts';
import { entriesOf, type LoadDeps, loadCatalogue, loadEntries, processSections } from './loadCatalogue.ts';
import { isTaken, type LeftOut } from './mergeCatalogue.ts';
import { priceBookOf } from './priceSchema.ts';
import type { AdapterSpec, AliasSpec, ModelSpec } from './specs.ts';

export interface CatalogueServiceDeps extends LoadDeps {
  readonly events: EventLog;
  readonly log: Log;
}

export type CatalogueListener = (catalogue: Catalogue) => void;

/**
 * The catalogue as it is now, and every way to change it. Changes run one after the other; each is on disk before it
 * is seen. Expected failures are results; only a store that fails throws.
 */
export class CatalogueService implements WeightFiles {
  readonly #deps: CatalogueServiceDeps;
  readonly #listeners = new Set<CatalogueListener>();
  #document: ConfigDocument;
  #current: Catalogue;
  /** Entries of the store that the last load could not serve. */
  #leftOut: readonly LeftOut[] = [];
  /** Paths whose source could not be asked at the last load, with the reason. */
  #unsettled: ReadonlyMap<string, string> = new Map();
  #last: Promise<unknown> = Promise.resolve();

  private constructor(deps: CatalogueServiceDeps, document: ConfigDocument, catalogue: Catalogue) {
    this.#deps = deps;
    this.#document = document;
    this.#current = catalogue;
  }

  /** Reads the file and the store. `invalid_request` with the whole message when the file cannot be used. */
  static async open(deps: CatalogueServiceDeps): Promise<Result<CatalogueService>> {
    const loaded = await loadCatalogue(deps);
    if (!loaded.ok) return loaded;
    const { document, catalogue, leftOut, unsettled } = loaded.value;
    const service = new CatalogueService(deps, document, catalogue);
    service.#warn(leftOut);
    await service.#settle(unsettled, catalogue);
    return ok(service);
  }

  current(): Catalogue {
    return this.#current;
  }

  /** What the file says that requests cost; null: nothing. */
  prices(): PriceBook | null {
    const { prices } = this.#document.config;
    return prices && priceBookOf(prices);
  }

  /** Called after each change with the new catalogue. Returns the way to stop it. */
  onChange(listener: CatalogueListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Adds a model, or replaces one of the admin API under the same id. `conflict`: the id is taken, or the new file
   * does not fit the adapters it has.
   */
  addModel(spec: ModelSpec): Promise<Result<CatalogueModel>> {
    return this.#serially(async () => {
      const old = this.#current.models.get(modelId(spec.id));
      const named = this.#checkName(spec.id, ID_PATTERN, 'id', old?.source === 'api');
      if (!named.ok) return named;
      const made = await makeModel(spec, this.#context());
      if (!made.ok) return made;
      const model = { ...made.value, createdAtEpochMs: old?.createdAtEpochMs ?? this.#deps.clock.epochMs() };
      let next = withModel(this.#current, model);
      for (const adapter of this.#adaptersOf(spec.id)) {
        // Its own source may be down: that is no reason against the base.
        const context = { ...this.#context(), unsettled: new Map() };
        const fits = await makeAdapter(asGiven(adapter), made.value, context);
        if (!fits.ok) return fail('conflict', fits.error.message, 'path');
        // One that is converted may be another file for another base.
        next = withAdapter(next, { ...fits.value, createdAtEpochMs: adapter.createdAtEpochMs });
      }
      await this.#deps.store.putModel(model);
      const { id, revision } = model;
      this.#change(next, old ? 'model_replaced' : 'model_added', { id, revision });
      return ok(model);
    });
  }

  /** Adds an adapter, or replaces one of the admin API under the same id as a new revision. */
  addAdapter(spec: AdapterSpec): Promise<Result<CatalogueAdapter>> {
    return this.#serially(async () => {
      const old = this.#current.adapters.get(adapterId(spec.id));
      const named = this.#checkName(spec.id, ID_PATTERN, 'id', old?.source === 'api');
      if (!named.ok) return named;
      const base = this.#current.models.get(modelId(spec.base));
      if (!base) {
        return fail(
          'model_not_found',
          `Cannot find model "${clip(spec.base)}": not in the catalogue`,
          'base',
        );
      }
      const made = await makeAdapter(spec, base, this.#context());
      if (!made.ok) return made;
      const createdAtEpochMs = old?.createdAtEpochMs ?? this.#deps.clock.epochMs();
      const adapter = { ...made.value, createdAtEpochMs };
      const next = withAdapter(this.#current, adapter);
      const broken = brokenAlias(next);
      if (broken) return aliasInTheWay('move adapter', spec.id, broken);
      await this.#deps.store.putAdapter(asGiven(adapter));
      const { id, revision } = adapter;
      this.#change(next, old ? 'adapter_replaced' : 'adapter_added', { id, base: base.id, revision });
      return ok(adapter);
    });
  }

  /** Adds an alias; its target must resolve now. */
  addAlias({ name, target }: AliasSpec): Promise<Result<CatalogueAlias>> {
    return this.#serially(async () => {
      const named = this.#checkName(name, ALIAS_PATTERN, 'name', false);
      if (!named.ok) return named;
      const combo = parseCombo(target, [], this.#current);
      if (!combo.ok) return fail(combo.error.code, combo.error.message, 'target');
      const createdAtEpochMs = this.#deps.clock.epochMs();
      const alias: CatalogueAlias = { name, target, createdAtEpochMs, source: 'api' };
      await this.#deps.store.putAlias(alias);
      this.#change(withAlias(this.#current, alias), 'alias_added', { name, target });
      return ok(alias);
    });
  }

  /** `conflict`: the file has it, or adapters or aliases need it. `not_found`: nothing has that id. */
  removeModel(id: string): Promise<Result<true>> {
    return this.#serially(async () => {
      const model = this.#current.models.get(modelId(id));
      const [adapter] = this.#adaptersOf(id);
      if (adapter) {
        return fail('conflict', `Cannot remove model "${clip(id)}": adapter "${adapter.id}" is for it`);
      }
      return this.#remove('model', id, model, () => this.#deps.store.deleteModel(id));
    });
  }

  removeAdapter(id: string): Promise<Result<true>> {
    return this.#serially(() => {
      const adapter = this.#current.adapters.get(adapterId(id));
      return this.#remove('adapter', id, adapter, () => this.#deps.store.deleteAdapter(id));
    });
  }

  removeAlias(name: string): Promise<Result<true>> {
    return this.#serially(() => {
      const alias = this.#current.aliases.get(name);
      return this.#remove('alias', name, alias, () => this.#deps.store.deleteAlias(name));
    });
  }

  /** Reads the file again (SIGHUP). A file that cannot be used changes nothing; the failure says why. */
  reload(): Promise<Result<Catalogue>> {
    return this.#serially(async () => {
      const loaded = await loadCatalogue(this.#deps);
      if (!loaded.ok) {
        this.#deps.sources.use(this.#document.config.sources, this.#document.directory);
        this.#deps.log.error({ reason: loaded.error.message }, 'catalogue reload failed');
        this.#event('catalogue_reload_failed', { reason: loaded.error.message });
        return loaded;
      }
      const { document, catalogue, leftOut, unsettled } = loaded.value;
      if (processSections(document) !== processSections(this.#document)) {
        this.#deps.log.warn({}, 'pool, limits, log and server of the configuration need a restart');
      }
      this.#document = document;
      this.#warn(leftOut);
      await this.#settle(unsettled, catalogue);
      const { models, adapters, aliases } = catalogue;
      const counts = { models: models.size, adapters: adapters.size, aliases: aliases.size };
      this.#change(catalogue, 'catalogue_reloaded', counts);
      return ok(catalogue);
    });
  }

  /**
   * Looks again, when the last load could not look at everything, with the configuration as it was read then. Tells
   * listeners only of what differs.
   */
  revisit(): Promise<void> {
    return this.#serially(async () => {
      if (this.#unsettled.size === 0) return;
      const loaded = await loadEntries(this.#deps, this.#document);
      if (!loaded.ok) {
        this.#deps.log.warn(
          { reason: loaded.error.message },
          'sources are back, but the catalogue cannot use them',
        );
        return;
      }
      const { catalogue, leftOut, unsettled } = loaded.value;
      this.#leftOut = leftOut;
      await this.#settle(unsettled, catalogue);
      if (entriesOf(catalogue) === entriesOf(this.#current)) return;
      this.#change(catalogue, 'catalogue_revisited', { unsettled: unsettled.size });
    });
  }

  /** Not one after the other with changes, unless there is one to be made: starts wait for it. */
  async review(model: CatalogueModel, adapters: readonly CatalogueAdapter[]): Promise<Result<true>> {
    const checked = await checkFiles(this.#deps.files, model, adapters);
    if (!checked.ok)
      await this.#serially(async () => {
        await this.#reviewModel(model);
        for (const adapter of adapters) await this.#reviewAdapter(adapter);
      });
    return checked;
  }

  /** A start has found another version behind the URI: the entries of it are made again before this resolves. */
  sourceChanged(path: string): Promise<void> {
    return this.#serially(async () => {
      const { models, adapters } = this.#current;
      const isMeant = (entry: CatalogueModel | CatalogueAdapter) => entry.path === path;
      for (const model of [...models.values()].filter(isMeant)) await this.#reviewModel(model);
      for (const adapter of [...adapters.values()].filter(isMeant)) await this.#reviewAdapter(adapter);
    });
  }

  /** One that is no weight file any more stays as it is: its starts fail, until it is one again. */
  async #reviewModel({ id }: CatalogueModel): Promise<void> {
    const old = this.#current.models.get(id);
    if (!old) return;
    const made = await remakeModel(old, this.#document, this.#deps);
    if (!made.ok || made.value.revision === old.revision) return;
    const model = { ...made.value, createdAtEpochMs: old.createdAtEpochMs };
    if (model.source === 'api') await this.#deps.store.putModel(model);
    this.#change(withModel(this.#current, model), 'model_changed', { id, revision: model.revision });
  }

  async #reviewAdapter({ id }: CatalogueAdapter): Promise<void> {
    const old = this.#current.adapters.get(id);
    const base = old && this.#current.models.get(old.base);
    if (!base) return;
    const made = await remakeAdapter(old, base, this.#document, this.#deps);
    if (!made.ok || made.value.revision === old.revision) return;
    const adapter = { ...made.value, createdAtEpochMs: old.createdAtEpochMs };
    if (adapter.source === 'api') await this.#deps.store.putAdapter(asGiven(adapter));
    const { revision } = adapter;
    this.#change(withAdapter(this.#current, adapter), 'adapter_changed', { id, base: base.id, revision });
  }

  async #remove(
    kind: LeftOut['kind'],
    id: string,
    entry: CatalogueModel | CatalogueAdapter | CatalogueAlias | undefined,
    removeStored: () => Promise<void>,
  ): Promise<Result<true>> {
    // What could not be served at the last load is still kept, and can be let go of.
    const isKept = this.#leftOut.some((kept) => kept.kind === kind && kept.id === id);
    if (!entry && !isKept)
      return fail('not_found', `Cannot find ${kind} "${clip(id)}": not in the catalogue`);
    if (entry?.source === 'file') {
      return fail('conflict', `Cannot remove ${kind} "${id}": it is in "${this.#document.path}"`);
    }
    const next = entry ? without(this.#current, id) : this.#current;
    const broken = brokenAlias(next);
    if (broken) return aliasInTheWay(`remove ${kind}`, id, broken);
    await removeStored();
    this.#leftOut = this.#leftOut.filter((kept) => kept.kind !== kind || kept.id !== id);
    this.#change(next, `${kind}_removed`, { id });
    return ok(true);
  }

  #checkName(name: string, pattern: RegExp, param: string, isReplacing: boolean): Result<true> {
    if (!pattern.test(name)) {
      return fail(
        'invalid_request',
        `Cannot use "${clip(name)}" as a name: expected letters, digits and ._-/ (at most 128)`,
        param,
      );
    }
    if (isReplacing || !isTaken(this.#current, name)) return ok(true);
    return fail('conflict', `Cannot add "${name}": a model, adapter or alias of this name is there`, param);
  }

  #adaptersOf(base: string): CatalogueAdapter[] {
    return [...this.#current.adapters.values()].filter((adapter) => adapter.base === base);
  }

  #context(): EntryContext {
    const { directory, config } = this.#document;
    const { files, converter } = this.#deps;
    return { files, converter, defaults: config.defaults, directory, source: 'api' };
  }

  #change(catalogue: Catalogue, type: string, detail: Readonly<Record<string, unknown>>): void {
    this.#current = catalogue;
    this.#event(type, detail);
    this.#deps.log.info(detail, type.replaceAll('_', ' '));
    for (const listener of this.#listeners) listener(catalogue);
  }

  #event(type: string, detail: Readonly<Record<string, unknown>>): void {
    this.#deps.events.append({ atEpochMs: this.#deps.clock.epochMs(), type, detail });
  }

  #warn(leftOut: readonly LeftOut[]): void {
    this.#leftOut = leftOut;
    for (const entry of leftOut) {
      this.#deps.log.warn(entry, 'catalogue entry left out');
      this.#event('catalogue_entry_left_out', { ...entry });
    }
  }

  /** Tells of sources that went down since the last load, and lets go of what is known of files that are not used. */
  async #settle(unsettled: ReadonlyMap<string, string>, { models, adapters }: Catalogue): Promise<void> {
    for (const [path, reason] of unsettled) {
      if (this.#unsettled.has(path)) continue;
      const detail = { path: shownUri(path), reason };
      this.#deps.log.warn(detail, 'source of weights could not be asked');
      this.#event('source_unavailable', detail);
    }
    this.#unsettled = unsettled;
    const used = [...models.values(), ...adapters.values()].map(({ path }) => path);
    await this.#deps.files.keepOnly(new Set([...used, ...unsettled.keys()]));
  }

  #serially<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change, change);
    this.#last = done.catch(() => {});
    return done;
  }
}

function aliasInTheWay(action: string, id: string, alias: CatalogueAlias): Result<never> {
  return fail('conflict', `Cannot ${action} "${id}": alias "${alias.name}" needs it`);
}

function clip(text: string): string {
  return text.length <= 128 ? text : `${text.slice(0, 125)}...`;
}
