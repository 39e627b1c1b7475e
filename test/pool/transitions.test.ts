import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runnerId } from '../../gateway/domain/ids.ts';
import { NO_BYTES } from '../../gateway/pool/bytes.ts';
import { runnerDiagram } from '../../gateway/pool/diagram.ts';
import { Slots } from '../../gateway/pool/slots.ts';
import { emptyPool, type Runner } from '../../gateway/pool/state.ts';
import { FIRST_RUNNER_STATES, moveTo, RUNNER_TRANSITIONS } from '../../gateway/pool/transitions.ts';
import { model, SETTINGS } from './builders.ts';
import { CATALOGUE } from './driver.ts';

const STATES = Object.keys(RUNNER_TRANSITIONS) as Runner['state'][];

function runnerIn(state: Runner['state']): Runner {
  const base = { id: runnerId('r1'), device: null, model: model('a'), combos: new Slots(), sinceMs: 0 };
  const worth = { costMs: 0, readyMs: 0, uses: 1, clock: 0 };
  const interactive = { active: 0, lastMs: 0 };
  const loaded = {
    ...base,
    weights: NO_BYTES,
    threads: 1,
    active: 1,
    startShared: true,
    lastUsedMs: 0,
    worth,
    interactive,
  };
  if (state === 'standby') return { ...base, state, model: null };
  if (state === 'loading') return { ...base, state, claimedMs: null, kind: 'cold', keptBytes: 0, threads: 1 };
  if (state === 'ready') return { ...loaded, state };
  if (state === 'draining') return { ...loaded, state, reason: 'idle', leavingBytes: NO_BYTES };
  if (state === 'stopping') return { ...base, state, heldBytes: NO_BYTES, wasAsleep: false };
  if (state === 'dozing') return { ...base, state, worth, lastUsedMs: 0, heldBytes: NO_BYTES };
  if (state === 'asleep') return { ...base, state, worth, lastUsedMs: 0, keptBytes: 0 };
  return { ...base, state };
}

describe('moveTo()', () => {
  for (const from of STATES) {
    for (const to of STATES) {
      const allowed = (RUNNER_TRANSITIONS[from] as readonly string[]).includes(to);
      it(`${allowed ? 'moves' : 'does not move'} a runner from ${from} to ${to}`, () => {
        const pool = emptyPool(SETTINGS, CATALOGUE, 't');
        pool.runners.set(runnerId('r1'), runnerIn(from));
        const move = (): Runner => moveTo(pool, runnerIn(to));
        if (!allowed) expect(move).toThrow(`Cannot move runner "r1" from ${from} to ${to}`);
        else expect(move().state).toBe(to);
        expect(pool.runners.get(runnerId('r1'))?.state).toBe(allowed ? to : from);
      });
    }
  }

  it('lets a new runner begin only as starting, or as ready when it was adopted', () => {
    for (const to of STATES) {
      const move = (): Runner => moveTo(emptyPool(SETTINGS, CATALOGUE, 't'), runnerIn(to));
      if ((FIRST_RUNNER_STATES as readonly string[]).includes(to)) expect(move().state).toBe(to);
      else expect(move).toThrow('from nothing');
    }
  });
});

describe('ARCHITECTURE.md', () => {
  it('shows the states of a runner as the table has them', () => {
    const text = readFileSync(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
    const block = /<!-- runner-states:begin -->\s*([\s\S]*?)\s*<!-- runner-states:end -->/.exec(text)?.[1];
    expect(block).toBe(`\`\`\`mermaid\n${runnerDiagram()}\n\`\`\``);
  });
});
