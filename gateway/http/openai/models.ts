import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { modelRefusal, permitsCombo } from '../../access/scopes.ts';
import type { ApiKey } from '../../domain/apiKey.ts';
import type { Catalogue } from '../../domain/catalogue.ts';
import { type Combo, parseCombo } from '../../domain/combo.ts';
import { modelId } from '../../domain/ids.ts';
import type { LoadStatus, PoolControl } from '../../shell/poolControl.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';

export const modelCardSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int().openapi({ description: 'Seconds since the epoch' }),
    owned_by: z.string(),
    root: z.string().openapi({ description: 'What an alias stands for; else the id itself' }),
    parent: z.string().nullable().openapi({ description: 'The base of a combo with adapters' }),
    status: z.object({ value: z.enum(['unloaded', 'loading', 'loaded', 'sleeping']) }),
  })
  .openapi('Model');
export type ModelCard = z.infer<typeof modelCardSchema>;

type Statuses = Pick<PoolControl, 'baseStatus' | 'comboStatus'>;

/** Bases, each adapter as the combo `base+adapter`, and aliases: what the key may use of them. */
export function modelCards(catalogue: Catalogue, pool: Statuses, key: ApiKey | null): ModelCard[] {
  const bases = [...catalogue.models.keys()];
  const adapters = [...catalogue.adapters.values()].map(({ base, id }) => `${base}+${id}`);
  const names = [...bases, ...adapters, ...catalogue.aliases.keys()];
  const permitted = names.filter((name) => {
    const combo = key && parseCombo(name, [], catalogue);
    return !key || (combo?.ok && permitsCombo(key, combo.value, catalogue));
  });
  return permitted.flatMap((name) => modelCard(name, catalogue, pool) ?? []);
}

/** The card of anything that a request could name as its model; null when it could not. */
export function modelCard(name: string, catalogue: Catalogue, pool: Statuses): ModelCard | null {
  const parsed = parseCombo(name, [], catalogue);
  if (!parsed.ok) return null;
  const combo = parsed.value;
  const base = catalogue.models.get(modelId(name));
  const alias = base ? undefined : catalogue.aliases.get(name);
  const created = alias?.createdAtEpochMs ?? createdAt(combo);
  return {
    id: alias ? alias.name : combo.name,
    object: 'model',
    created: Math.floor(created / 1000),
    owned_by: combo.model.ownedBy,
    root: combo.name,
    parent: combo.adapters.length > 0 ? combo.model.id : null,
    status: { value: statusOf(combo, pool) },
  };
}

export function listModels(deps: HttpDeps) {
  return (c: Context<HttpEnv>): Response =>
    c.json({ object: 'list', data: modelCards(deps.catalogue.current(), deps.pool, c.get('apiKey')) });
}

export function getModel(deps: HttpDeps) {
  return (c: Context<HttpEnv>): Response => {
    const name = c.req.param('model') ?? '';
    const catalogue = deps.catalogue.current();
    const parsed = parseCombo(name, [], catalogue);
    if (!parsed.ok) return sendFailure(c, parsed.error);
    const key = c.get('apiKey');
    if (key && !permitsCombo(key, parsed.value, catalogue)) return sendFailure(c, modelRefusal(key, name));
    return c.json(modelCard(name, catalogue, deps.pool));
  };
}

function statusOf(combo: Combo, pool: Statuses): LoadStatus {
  return combo.adapters.length > 0 ? pool.comboStatus(combo) : pool.baseStatus(combo.model.id);
}

/** A combo is as old as the youngest of its parts. */
function createdAt(combo: Combo): number {
  return Math.max(
    combo.model.createdAtEpochMs,
    ...combo.adapters.map(({ adapter }) => adapter.createdAtEpochMs),
  );
}
