import { expect } from 'vitest';
import type { PoolEffect } from '../../gateway/pool/effects.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import type { SimulatedProcess } from './processes.ts';
import type { SimulatedRequest } from './requests.ts';

/** Checks that the order may be given, and has the process carry it out. */
export function resized(
  process: SimulatedProcess,
  { comboKey, sequences }: Extract<PoolEffect, { type: 'resize' }>,
  { requests, now }: { readonly requests: readonly SimulatedRequest[]; readonly now: PoolEvent },
): void {
  const held = process.combos.get(comboKey);
  if (held?.state !== 'ready') return expect.fail('resizes what is not ready');
  if (now.type !== 'tick' || sequences === held.sequences) return expect.fail('resizes without need');
  if (sequences > held.combo.model.maxSequences) return expect.fail('widens past the most');
  const running = requests.filter(
    ({ state, runnerId, combo }) => state === 'running' && runnerId === process.id && combo.key === comboKey,
  );
  if (running.length > sequences) return expect.fail('narrows to less than what runs');
  process.resize(comboKey, sequences);
}
