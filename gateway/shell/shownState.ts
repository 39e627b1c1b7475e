import type { Runner } from '../pool/state.ts';

/** States of runners as people are told them (DESIGN.md, "Admin API"). */
export const SHOWN_STATES = [
  'starting',
  'standby',
  'loading',
  'ready',
  'busy',
  'asleep',
  'draining',
  'stopping',
] as const;
export type ShownState = (typeof SHOWN_STATES)[number];

/** A runner that is ready and has requests is busy; one that falls asleep is asleep. */
export function shownState(runner: Runner): ShownState {
  if (runner.state === 'ready' && runner.active > 0) return 'busy';
  return runner.state === 'dozing' ? 'asleep' : runner.state;
}
