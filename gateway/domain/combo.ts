import type { Catalogue, CatalogueAdapter, CatalogueModel } from './catalogue.ts';
import { fail, ok, type Result } from './errors.ts';
import {
  type AdapterId,
  adapterId,
  type ComboKey,
  type ComboName,
  comboKey,
  comboName,
  modelId,
} from './ids.ts';

/** One adapter of a combo. `scale` is as the request gave it, never 0. */
export interface ComboAdapter {
  readonly id: AdapterId;
  readonly scale: number;
}

/** What a request needs: one base and a set of (adapter, scale), resolved against one state of the catalogue. */
export interface Combo {
  readonly name: ComboName;
  readonly key: ComboKey;
  readonly model: CatalogueModel;
  readonly adapters: readonly { readonly adapter: CatalogueAdapter; readonly scale: number }[];
}

/** An entry of the request field `lora`. */
export interface LoraField {
  readonly id: string;
  readonly scale?: number | undefined;
}

const SCALE = /^-?\d+(?:\.\d+)?$/;
const MAX_SCALE = 1000;
const MAX_ADAPTERS = 32;
/** Longer names are refused before they are taken apart: 32 adapters with long ids and scales stay below it. */
const MAX_NAME_LENGTH = 32_768;

/**
 * Reads a combo's name (`base+a@0.8+b`, `base:a`, an alias, an adapter's id alone) and the `lora` field.
 * An exact catalogue id or alias wins over splitting. Unknown ids: `model_not_found`; an adapter of another base, a
 * bad scale, the same adapter twice: `invalid_lora`.
 */
export function parseCombo(text: string, lora: readonly LoraField[], catalogue: Catalogue): Result<Combo> {
  if (text.length > MAX_NAME_LENGTH) {
    return fail(
      'model_not_found',
      `Cannot find model "${clip(text)}": expected at most ${MAX_NAME_LENGTH} characters, got ${text.length}`,
      'model',
    );
  }
  const named = resolveName(text, catalogue, 0);
  if (!named.ok) return named;
  const listed: ComboAdapter[] = [];
  for (const [index, entry] of lora.entries()) {
    const scale = entry.scale ?? 1;
    const checked = checkScale(scale, String(scale), `lora[${index}].scale`);
    if (!checked.ok) return checked;
    listed.push({ id: adapterId(entry.id), scale });
  }
  return makeCombo(named.value.model, [...named.value.adapters, ...listed], catalogue, lora.length > 0);
}

/**
 * The combo of that key, while the catalogue has these very revisions of its base and adapters; null otherwise. No
 * canonical name holds a `#`, and none is an alias with adapters.
 */
export function comboOfKey(key: string, catalogue: Catalogue): Combo | null {
  const [name = ''] = key.split('#', 1);
  const parsed = parseCombo(name, [], catalogue);
  return parsed.ok && parsed.value.key === key ? parsed.value : null;
}

/** A scale as names write it: plain decimals, no exponent, no trailing zeros; reads back as the same number. */
export function formatScale(scale: number): string {
  const text = String(scale);
  // JavaScript writes an exponent below 1e-6 (and from 1e21 on, which no scale reaches).
  const small = /^(-?)(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (!small) return text;
  const [, sign = '', first = '', rest = '', exponent] = small;
  return `${sign}0.${'0'.repeat(Number(exponent) - 1)}${first}${rest}`;
}

interface Named {
  readonly model: CatalogueModel;
  readonly adapters: readonly ComboAdapter[];
}

function resolveName(text: string, catalogue: Catalogue, depth: number): Result<Named> {
  const exact = resolveExact(text, catalogue, depth);
  if (exact) return exact;
  const [head = '', ...rest] = text.split('+');
  const parts = [...rest];
  let base = resolveExact(head, catalogue, depth);
  if (!base) {
    // `base:adapter` is read as `base+adapter`; only the first part can hold the base.
    const [first = '', ...more] = head.split(':');
    base = resolveExact(first, catalogue, depth);
    parts.unshift(...more);
    if (!base)
      return fail('model_not_found', `Cannot find model "${clip(first)}": not in the catalogue`, 'model');
  }
  if (!base.ok) return base;
  const adapters: ComboAdapter[] = [...base.value.adapters];
  for (const part of parts) {
    const adapter = parseAdapterPart(part);
    if (!adapter.ok) return adapter;
    adapters.push(adapter.value);
  }
  return ok({ model: base.value.model, adapters });
}

function resolveExact(text: string, catalogue: Catalogue, depth: number): Result<Named> | null {
  const model = catalogue.models.get(modelId(text));
  if (model) return ok({ model, adapters: [] });
  const alias = catalogue.aliases.get(text);
  if (alias) {
    if (depth >= 8)
      return fail('model_not_found', `Cannot follow alias "${clip(text)}": more than 8 steps`, 'model');
    return resolveName(alias.target, catalogue, depth + 1);
  }
  const adapter = catalogue.adapters.get(adapterId(text));
  const base = adapter && catalogue.models.get(adapter.base);
  return adapter && base ? ok({ model: base, adapters: [{ id: adapter.id, scale: 1 }] }) : null;
}

function parseAdapterPart(part: string): Result<ComboAdapter> {
  const at = part.indexOf('@');
  const id = at < 0 ? part : part.slice(0, at);
  if (id === '') {
    return fail(
      'invalid_lora',
      'Cannot read the adapters of the model name: expected an adapter id, got an empty one',
      'model',
    );
  }
  if (at < 0) return ok({ id: adapterId(id), scale: 1 });
  const scaleText = part.slice(at + 1);
  const scale = SCALE.test(scaleText) ? Number(scaleText) : Number.NaN;
  const checked = checkScale(scale, scaleText, 'model');
  return checked.ok ? ok({ id: adapterId(id), scale }) : checked;
}

function checkScale(scale: number, written: string, param: string): Result<true> {
  if (Number.isFinite(scale) && Math.abs(scale) <= MAX_SCALE) return ok(true);
  return fail(
    'invalid_lora',
    `Cannot read adapter scale "${clip(written)}": expected a decimal number from -${MAX_SCALE} to ${MAX_SCALE}`,
    param,
  );
}

function makeCombo(
  model: CatalogueModel,
  wanted: readonly ComboAdapter[],
  catalogue: Catalogue,
  fromField: boolean,
): Result<Combo> {
  const param = fromField ? 'lora' : 'model';
  const seen = new Set<AdapterId>();
  const adapters: { adapter: CatalogueAdapter; scale: number }[] = [];
  for (const { id, scale } of wanted) {
    const adapter = catalogue.adapters.get(id);
    if (!adapter)
      return fail('model_not_found', `Cannot find adapter "${clip(id)}": not in the catalogue`, param);
    if (adapter.base !== model.id) {
      return fail(
        'invalid_lora',
        `Cannot use adapter "${id}" with "${model.id}": it is for "${adapter.base}"`,
        param,
      );
    }
    if (seen.has(id)) return fail('invalid_lora', `Cannot use adapter "${id}" twice in one combo`, param);
    seen.add(id);
    if (scale !== 0) adapters.push({ adapter, scale });
  }
  if (adapters.length > MAX_ADAPTERS) {
    return fail(
      'invalid_lora',
      `Cannot use ${adapters.length} adapters in one combo: expected at most ${MAX_ADAPTERS}`,
      param,
    );
  }
  adapters.sort((a, b) => (a.adapter.id < b.adapter.id ? -1 : 1));
  const name = adapters.reduce(
    (text, { adapter, scale }) => `${text}+${adapter.id}${scale === 1 ? '' : `@${formatScale(scale)}`}`,
    model.id as string,
  );
  const revisions = [model.revision, ...adapters.map(({ adapter }) => adapter.revision)].join('.');
  return ok({ name: comboName(name), key: comboKey(`${name}#${revisions}`), model, adapters });
}

/** Client text in a message is bounded; it is a name that was asked for, never content. */
function clip(text: string): string {
  return text.length <= 128 ? text : `${text.slice(0, 125)}...`;
}
