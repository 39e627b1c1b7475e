import { FIRST_RUNNER_STATES, RUNNER_TRANSITIONS } from './transitions.ts';

/** The states of a runner as a mermaid diagram, for ARCHITECTURE.md: drawn from the table that moveTo obeys. */
export function runnerDiagram(): string {
  const arrows = Object.entries(RUNNER_TRANSITIONS).flatMap(([from, nexts]) =>
    nexts.map((next) => `    ${from} --> ${next === 'gone' ? '[*]' : next}`),
  );
  const entries = FIRST_RUNNER_STATES.map((state) => `    [*] --> ${state}`);
  return ['stateDiagram-v2', ...entries, ...arrows].join('\n');
}
