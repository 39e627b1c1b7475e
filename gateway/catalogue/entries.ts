import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CatalogueAdapter, CatalogueModel, EntrySource } from '../domain/catalogue.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import {
  adapterId,
  type DeviceName,
  deviceName,
  modelId,
  type SegmentKey,
  segmentKey,
} from '../domain/ids.ts';
import type { AdapterConverter } from '../ports/adapterConverter.ts';
import type { StoredAdapter } from '../ports/catalogueStore.ts';
import type { ModelFileFacts, ModelFiles } from '../ports/modelFile.ts';
import type { AdapterSpec, ModelOptions, ModelSpec, ScalingSpec } from './specs.ts';

const MAX_TEMPLATE_BYTES = 2 ** 20;

/** What every entry is made with. */
export interface EntryContext {
  readonly files: ModelFiles;
  readonly converter: AdapterConverter;
  readonly defaults: ModelOptions;
  /** Absolute; where relative paths start. */
  readonly directory: string;
  readonly source: EntrySource;
}

/** Looks at the weight file and fills in the defaults. `param` of a failure is the field that is wrong. */
export async function makeModel(spec: ModelSpec, context: EntryContext): Promise<Result<CatalogueModel>> {
  const facts = await inspectAs('model', spec.path, context);
  if (!facts.ok) return facts;
  const template = await templateOf(spec, context);
  if (!template.ok) return template;
  const { defaults } = context;
  const contextTokens = spec.contextTokens ?? defaults.contextTokens ?? facts.value.trainedContextTokens;
  if (contextTokens === 0) {
    return fail(
      'invalid_request',
      `Cannot add model "${spec.id}": its file names no context length, expected the field "context"`,
      'context',
    );
  }
  const model = {
    id: modelId(spec.id),
    engine: spec.engine ?? defaults.engine ?? 'llama',
    path: facts.value.path,
    contextTokens,
    ...sequencesOf(spec, defaults),
    maxThreads: spec.maxThreads ?? defaults.maxThreads ?? null,
    deviceLayers: spec.deviceLayers ?? defaults.deviceLayers ?? -1,
    device: deviceOf(given(spec.device, defaults.device, null)),
    sleeps: given(spec.sleeps, defaults.sleeps, null),
    sleepAfterMs: given(spec.sleepAfterMs, defaults.sleepAfterMs, null),
    useMmap: spec.useMmap ?? defaults.useMmap ?? true,
    repack: spec.repack ?? defaults.repack ?? true,
    kvBudgetBytes: given(spec.kvBudgetBytes, defaults.kvBudgetBytes, null),
    ...runnersOf(spec, defaults),
    idleTtlMs: given(spec.idleTtlMs, defaults.idleTtlMs, 300_000),
    chatTemplate: template.value,
    ownedBy: spec.ownedBy ?? defaults.ownedBy ?? 'hearth',
    weightBytes: facts.value.sizeBytes,
    segment: segmentOf(facts.value),
    ...(facts.value.isEncrypted ? { isEncrypted: true as const } : {}),
    layers: facts.value.layers,
    kvBytesPerToken: facts.value.kvBytesPerToken,
    computeBytes: facts.value.computeBytes,
    createdAtEpochMs: facts.value.modifiedAtEpochMs,
    source: context.source,
  } as const;
  return ok({ ...model, revision: modelRevision(model, facts.value.identity) });
}

/** The same for an adapter of `base`, whose architecture it must have. A PEFT directory is converted first. */
export async function makeAdapter(
  spec: AdapterSpec,
  base: CatalogueModel,
  context: EntryContext,
): Promise<Result<CatalogueAdapter>> {
  const baseFacts = await context.files.inspect(base.path);
  if (!baseFacts.ok) return baseFacts;
  const written = resolve(context.directory, spec.path);
  const converted = await context.converter.convert(written, baseFacts.value);
  if (!converted.ok) return converted;
  const facts = await inspectAs('adapter', converted.value?.path ?? written, context);
  if (!facts.ok) return facts;
  if (facts.value.architecture !== baseFacts.value.architecture) {
    return fail(
      'invalid_request',
      `Cannot use adapter "${spec.id}" with "${base.id}": expected architecture "${baseFacts.value.architecture}", got "${facts.value.architecture}"`,
      'base',
    );
  }
  const scale = spec.scale ?? 1;
  const origin = converted.value ? { converted: { from: written, digest: converted.value.digest } } : {};
  return ok({
    id: adapterId(spec.id),
    base: base.id,
    path: facts.value.path,
    ...origin,
    scale,
    revision: adapterRevision({ scale, ...origin }, facts.value.identity),
    weightBytes: facts.value.sizeBytes,
    segment: segmentOf(facts.value),
    ...(facts.value.isEncrypted ? { isEncrypted: true as const } : {}),
    createdAtEpochMs: (converted.value ?? facts.value).modifiedAtEpochMs,
    source: context.source,
  });
}

/** The weight store finds it by its identity. A split model is not staged: an engine wants its files by their own names. */
function segmentOf({ identity, parts }: ModelFileFacts): SegmentKey | null {
  return parts === 1 ? segmentKey(identity.slice(0, 32)) : null;
}

/** An adapter as the operator gave it, from which it can be made again. */
export function asGiven({ converted, segment: _segment, ...adapter }: CatalogueAdapter): StoredAdapter {
  return { ...adapter, path: converted?.from ?? adapter.path };
}

/** The least wins over a smaller most: who asks for two at least may have two. */
export function runnersOf(
  own: ScalingSpec,
  defaults: ScalingSpec,
): Pick<CatalogueModel, 'minRunners' | 'maxRunners'> {
  const minRunners = own.minRunners ?? defaults.minRunners ?? 0;
  return { minRunners, maxRunners: Math.max(minRunners, own.maxRunners ?? defaults.maxRunners ?? 1) };
}

/** The size to begin with wins over a smaller most. */
function sequencesOf(
  own: ModelOptions,
  defaults: ModelOptions,
): Pick<CatalogueModel, 'sequences' | 'maxSequences'> {
  const sequences = own.sequences ?? defaults.sequences ?? 8;
  return { sequences, maxSequences: Math.max(sequences, own.maxSequences ?? defaults.maxSequences ?? 1) };
}

/** Threads, sequences and times of keeping change no output, so a change of them alone keeps the revision. */
export function modelRevision(model: Omit<CatalogueModel, 'revision'>, fileIdentity: string): string {
  const { engine, contextTokens, deviceLayers, repack, chatTemplate } = model;
  return shortHash([fileIdentity, engine, contextTokens, deviceLayers, repack, chatTemplate]);
}

/** What was converted is known by the content that it was made from, also when that was only touched. */
export function adapterRevision(
  { scale, converted }: Pick<CatalogueAdapter, 'scale' | 'converted'>,
  fileIdentity: string,
): string {
  return shortHash([converted?.digest ?? fileIdentity, scale]);
}

function shortHash(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}

async function inspectAs(
  kind: ModelFileFacts['kind'],
  path: string,
  { files, directory }: EntryContext,
): Promise<Result<ModelFileFacts>> {
  const facts = await files.inspect(resolve(directory, path));
  if (!facts.ok || facts.value.kind === kind) return facts;
  return fail(
    'invalid_request',
    `Cannot use weight file "${facts.value.path}": expected ${kind === 'model' ? 'a model' : 'an adapter'}, got ${facts.value.kind === 'model' ? 'a model' : 'an adapter'}`,
    'path',
  );
}

/** A template of the model's own, text or file, wins over one of the defaults. */
async function templateOf(
  spec: ModelSpec,
  { defaults, directory }: EntryContext,
): Promise<Result<string | null>> {
  const owner = spec.chatTemplate || spec.chatTemplateFile ? spec : defaults;
  if (owner.chatTemplate) return ok(owner.chatTemplate);
  if (!owner.chatTemplateFile) return ok(null);
  const path = resolve(directory, owner.chatTemplateFile);
  try {
    const text = await readFile(path, 'utf8');
    if (text !== '' && text.length <= MAX_TEMPLATE_BYTES) return ok(text);
    return badTemplate(path, `expected 1 to ${MAX_TEMPLATE_BYTES} characters, got ${text.length}`);
  } catch (error) {
    return badTemplate(path, error instanceof Error ? error.message : String(error));
  }
}

function badTemplate(path: string, reason: string): Result<never> {
  return fail('invalid_request', `Cannot read chat template "${path}": ${reason}`, 'chat_template_file');
}

function deviceOf(name: string | null): DeviceName | null {
  return name === null ? null : deviceName(name);
}

/** The first that is not undefined; null is a value. */
function given<T>(own: T | undefined, byDefault: T | undefined, otherwise: T): T {
  if (own !== undefined) return own;
  return byDefault !== undefined ? byDefault : otherwise;
}
