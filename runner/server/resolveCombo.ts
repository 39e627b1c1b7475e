import type { Engine, LoadedBase } from '../engine/engine.ts';
import type { Exchange } from './exchange.ts';
import { type Checked, refuse } from './failure.ts';

/** The combo that a request is for: the one the gateway names in a header, else the body's model. */
export function resolveCombo(
  engine: Engine,
  exchange: Exchange,
  model: string,
): Checked<{ combo: string; base: LoadedBase }> {
  const { base } = engine;
  const combo = exchange.comboKey ?? model;
  if (base === null) return refuse('model_not_loaded', 'Cannot serve the request: no model is loaded');
  if (engine.combos.has(combo)) return { ok: true, value: { combo, base } };
  return refuse(
    'combo_not_attached',
    `Cannot serve combo ${JSON.stringify(combo)}: it is not attached`,
    'model',
  );
}
