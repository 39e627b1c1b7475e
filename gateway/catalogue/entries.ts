import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { hasScheme, shownUri } from '../../sources/uri.ts';
import type { CatalogueAdapter, CatalogueModel, EntrySource } from '../domain/catalogue.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import {
  adapterId,
  type DeviceName,
  deviceName,
  modelId,
  type SegmentKey,
  segmentKey,
  VERSION_DIGITS,
} from '../domain/ids.ts';
import { partsOf } from '../domain/splitFiles.ts';
import type { AdapterConverter, ConvertedAdapter } from '../ports/adapterConverter.ts';
import type { StoredAdapter } from '../ports/catalogueStore.ts';
import type { ModelFileFacts, ModelFiles, Recalled } from '../ports/modelFile.ts';
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
  /**
   * At a load: an entry whose source is down stands with what was last known of it, or is only listed, and its path is
   * put here with the reason. Else such an entry is refused.
   */
  readonly unsettled?: Map<string, string>;
}

/** Looks at the weight file and fills in the defaults. `param` of a failure is the field that is wrong. */
export async function makeModel(spec: ModelSpec, context: EntryContext): Promise<Result<CatalogueModel>> {
  const seen = await lookAs('model', spec, context);
  if (!seen.ok) return seen;
  const { facts, unavailable } = seen.value;
  const template = await templateOf(spec, context);
  if (!template.ok) return template;
  const { defaults } = context;
  const contextTokens = spec.contextTokens ?? defaults.contextTokens ?? facts.trainedContextTokens;
  if (contextTokens === 0 && unavailable === undefined) {
    return fail(
      'invalid_request',
      `Cannot add model "${spec.id}": its file names no context length, expected the field "context"`,
      'context',
    );
  }
  const model = {
    id: modelId(spec.id),
    engine: spec.engine ?? defaults.engine ?? 'llama',
    path: facts.path,
    ...(facts.file === undefined
      ? {}
      : { file: facts.file, filesBytes: facts.filesBytes ?? facts.sizeBytes }),
    contextTokens,
    ...sequencesOf(spec, defaults),
    maxThreads: spec.maxThreads ?? defaults.maxThreads ?? null,
    deviceLayers: spec.deviceLayers ?? defaults.deviceLayers ?? -1,
    device: deviceOf(given(spec.device, defaults.device, null)),
    sleeps: given(spec.sleeps, defaults.sleeps, null),
    sleepAfterMs: given(spec.sleepAfterMs, defaults.sleepAfterMs, null),
    useMmap: spec.useMmap ?? defaults.useMmap ?? true,
    repack: spec.repack ?? defaults.repack ?? false,
    kvBudgetBytes: given(spec.kvBudgetBytes, defaults.kvBudgetBytes, null),
    ...runnersOf(spec, defaults),
    idleTtlMs: given(spec.idleTtlMs, defaults.idleTtlMs, 300_000),
    chatTemplate: template.value,
    ownedBy: spec.ownedBy ?? defaults.ownedBy ?? 'hearth',
    weightBytes: facts.sizeBytes,
    segment: segmentOf(facts, spec.digest),
    ...(facts.isEncrypted ? { isEncrypted: true as const } : {}),
    layers: facts.layers,
    kvBytesPerToken: facts.kvBytesPerToken,
    computeBytes: facts.computeBytes,
    createdAtEpochMs: facts.modifiedAtEpochMs,
    ...(spec.digest ? { digest: spec.digest } : {}),
    ...(unavailable === undefined ? {} : { unavailable }),
    source: context.source,
  } as const;
  return ok({ ...model, revision: modelRevision(model, facts.identity) });
}

/** The same for an adapter of `base`, whose architecture it must have. A PEFT directory is converted first. */
export async function makeAdapter(
  spec: AdapterSpec,
  base: CatalogueModel,
  context: EntryContext,
): Promise<Result<CatalogueAdapter>> {
  const looked = await baseFactsOf(base, context);
  if (!looked.ok) return looked;
  const baseFacts = looked.value;
  const written = locate(context.directory, spec.path);
  const converted = await convert(written, baseFacts, context);
  if (!converted.ok) return converted;
  if (isConverted(converted.value) && spec.digest)
    return fail(
      'invalid_request',
      `Cannot use a digest with PEFT directory "${written}": expected one of a file`,
      'digest',
    );
  const seen = await seenAdapter(spec, converted.value, written, context);
  if (!seen.ok) return seen;
  const { facts, unavailable } = seen.value;
  // Compared when both are known: an entry that is only listed is made again when its source is back.
  const areKnown = unavailable === undefined && base.unavailable === undefined;
  if (areKnown && facts.architecture !== baseFacts.architecture) {
    return fail(
      'invalid_request',
      `Cannot use adapter "${spec.id}" with "${base.id}": expected architecture "${baseFacts.architecture}", got "${facts.architecture}"`,
      'base',
    );
  }
  const scale = spec.scale ?? 1;
  const origin = isConverted(converted.value)
    ? { converted: { from: written, digest: converted.value.digest } }
    : {};
  return ok({
    id: adapterId(spec.id),
    base: base.id,
    path: facts.path,
    ...origin,
    scale,
    revision: adapterRevision(
      { scale, ...origin, ...(spec.digest ? { digest: spec.digest } : {}) },
      facts.identity,
    ),
    weightBytes: facts.sizeBytes,
    segment: segmentOf(facts, spec.digest),
    ...(facts.isEncrypted ? { isEncrypted: true as const } : {}),
    createdAtEpochMs: (isConverted(converted.value) ? converted.value : facts).modifiedAtEpochMs,
    ...(spec.digest ? { digest: spec.digest } : {}),
    ...(unavailable === undefined ? {} : { unavailable }),
    source: context.source,
  });
}

/** What became of a look at a PEFT directory; null: it is none. */
type Conversion = ConvertedAdapter | { readonly unavailable: string } | null;

function isConverted(conversion: Conversion): conversion is ConvertedAdapter {
  return conversion !== null && 'digest' in conversion;
}

async function convert(
  path: string,
  base: ModelFileFacts,
  { converter, unsettled }: EntryContext,
): Promise<Result<Conversion>> {
  const converted = await converter.convert(path, base);
  if (!converted.ok) {
    const { code, message } = converted.error;
    if (code !== 'source_unavailable' || !unsettled) return converted;
    unsettled.set(path, message);
    return ok({ unavailable: message });
  }
  const staleBecause = converted.value?.staleBecause;
  if (staleBecause === undefined) return converted;
  if (!unsettled) return fail('source_unavailable', staleBecause, 'path');
  unsettled.set(path, staleBecause);
  return converted;
}

function seenAdapter(
  { digest }: AdapterSpec,
  conversion: Conversion,
  written: string,
  context: EntryContext,
): Promise<Result<Seen>> {
  if (conversion !== null && !isConverted(conversion)) {
    const facts = { ...NOTHING_KNOWN, path: written, kind: 'adapter' } as const;
    return Promise.resolve(ok({ facts, unavailable: conversion.unavailable }));
  }
  return lookAs('adapter', { path: conversion?.path ?? written, digest }, context);
}

/**
 * The weight store finds it by its identity and by the digest that it is held to: what was staged under another one, or none,
 * was not compared with it. What is split behind a URI is brought here when its first file is named.
 */
function segmentOf({ path, identity, parts }: ModelFileFacts, digest: string | undefined): SegmentKey | null {
  const isNamed = parts <= 1 || !hasScheme(path) || partsOf(shownUri(path)).length === parts;
  if (parts === 0 || !isNamed) return null;
  const version = identity.slice(0, VERSION_DIGITS);
  const rest = digest ? createHash('sha256').update(digest).digest('hex') : identity.slice(VERSION_DIGITS);
  return segmentKey(`${version}${rest}`.slice(0, 32));
}

/** An adapter as the operator gave it, from which it can be made again. */
export function asGiven(entry: CatalogueAdapter): StoredAdapter {
  const { converted, segment: _segment, unavailable: _unavailable, ...adapter } = entry;
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

/**
 * Threads, sequences and times of keeping change no output, so a change of them alone keeps the revision. Another digest is
 * another one: what runs now was not compared with it.
 */
export function modelRevision(model: Omit<CatalogueModel, 'revision'>, fileIdentity: string): string {
  const { engine, contextTokens, deviceLayers, repack, chatTemplate, digest } = model;
  const held = digest ? [digest] : [];
  return shortHash([fileIdentity, engine, contextTokens, deviceLayers, repack, chatTemplate, ...held]);
}

/** What was converted is known by the content that it was made from, also when that was only touched. */
export function adapterRevision(
  { scale, converted, digest }: Pick<CatalogueAdapter, 'scale' | 'converted' | 'digest'>,
  fileIdentity: string,
): string {
  return shortHash([converted?.digest ?? fileIdentity, scale, ...(digest ? [digest] : [])]);
}

function shortHash(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}

/** A path or URI as lists show it: a query may hold a signature. */
export function shownPath(path: string): string {
  return shownUri(path);
}

interface Seen {
  readonly facts: ModelFileFacts;
  readonly unavailable: string | undefined;
}

/** Where an entry's weights are: an absolute path, or the URI as it is written. */
export function locate(directory: string, path: string): string {
  return hasScheme(path) ? path : resolve(directory, path);
}

async function lookAs(
  kind: ModelFileFacts['kind'],
  { path: written, digest }: Pick<ModelSpec, 'path' | 'digest'>,
  { files, directory, unsettled }: EntryContext,
): Promise<Result<Seen>> {
  const path = locate(directory, written);
  const looked = unsettled ? await files.recall(path) : await asRecalled(files.inspect(path));
  if (!looked.ok) {
    const { code, message } = looked.error;
    if (code !== 'source_unavailable' || !unsettled) return looked;
    unsettled.set(path, message);
    return ok({ facts: { ...NOTHING_KNOWN, path, kind }, unavailable: message });
  }
  const { facts, staleBecause } = looked.value;
  if (staleBecause !== null) unsettled?.set(path, staleBecause);
  if (facts.kind !== kind) {
    return fail(
      'invalid_request',
      `Cannot use weight file "${shownUri(path)}": expected ${kind === 'model' ? 'a model' : 'an adapter'}, got ${facts.kind === 'model' ? 'a model' : 'an adapter'}`,
      'path',
    );
  }
  if (digest && !digest.startsWith('tree:') && (facts.parts > 1 || facts.file !== undefined)) {
    const why = `a ${digest.split(':')[0]} digest is of one file, expected a tree digest of all of them`;
    return fail('invalid_request', `Cannot use weight file "${shownUri(path)}": ${why}`, 'digest');
  }
  if (facts.sha256 !== undefined && digest?.startsWith('sha256:') && digest !== `sha256:${facts.sha256}`) {
    const why = `expected ${digest}, its source says sha256:${facts.sha256}`;
    return fail('invalid_request', `Cannot use weight file "${shownUri(path)}": ${why}`, 'digest');
  }
  return ok({ facts, unavailable: undefined });
}

/** What its file says, as long as that is known. */
async function baseFactsOf(
  { path, unavailable }: CatalogueModel,
  { files }: EntryContext,
): Promise<Result<ModelFileFacts>> {
  if (unavailable !== undefined) return ok({ ...NOTHING_KNOWN, path, kind: 'model' });
  const recalled = await files.recall(path);
  return recalled.ok ? ok(recalled.value.facts) : recalled;
}

async function asRecalled(looking: Promise<Result<ModelFileFacts>>): Promise<Result<Recalled>> {
  const facts = await looking;
  return facts.ok ? ok({ facts: facts.value, staleBecause: null }) : facts;
}

const NOTHING_KNOWN = {
  architecture: '',
  trainedContextTokens: 0,
  layers: 0,
  kvBytesPerToken: 0,
  computeBytes: 0,
  sizeBytes: 0,
  modifiedAtEpochMs: 0,
  parts: 0,
  identity: 'not known',
} as const;

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
