import { expect } from 'vitest';
import type { Combo } from '../../gateway/domain/combo.ts';
import type { Failure } from '../../gateway/domain/errors.ts';
import { needsNewRunner } from '../../gateway/pool/placing.ts';
import { quarantineOf } from '../../gateway/pool/quarantine.ts';
import type { PoolState } from '../../gateway/pool/state.ts';
import { allWants } from '../../gateway/pool/wants.ts';

/** Nobody waits for a start that may not begin, and what is remembered of failures is bounded. */
export function checkQuarantines(state: PoolState, nowMs: number): void {
  for (const want of allWants(state)) {
    const needsBase = want.type === 'replica' || needsNewRunner(state, want);
    const quarantine = quarantineOf(state, want.combo, needsBase, nowMs);
    if (quarantine) expect.fail(`"${want.combo.key}" waits in quarantine`);
  }
  const { quarantineCapMs } = state.settings;
  for (const [key, { failures, untilMs }] of state.quarantines)
    if (failures < 1 || untilMs - nowMs > quarantineCapMs)
      expect.fail(`"${key}" is quarantined until ${untilMs} after ${failures} failures`);
}

/** What begins now may begin. */
export function checkStart(state: PoolState, key: string, nowMs: number): void {
  const untilMs = state.quarantines.get(key)?.untilMs ?? 0;
  if (untilMs > nowMs) expect.fail(`"${key}" is started in quarantine`);
}

/** Only for a quarantine that is in force, and with a time that may be left of one. */
export function checkRefusal(
  state: PoolState,
  combo: Combo,
  { code, retryAfterMs = 0 }: Failure,
  nowMs: number,
): void {
  if (code !== 'quarantined') return;
  if (!quarantineOf(state, combo, true, nowMs)) expect.fail(`"${combo.key}" is refused, and may start`);
  if (retryAfterMs <= 0 || retryAfterMs > state.settings.quarantineCapMs)
    expect.fail(`"${combo.key}" may start in ${retryAfterMs} ms`);
}
