import { RUNNER_TRANSITIONS } from './transitions.ts';

/** The states of a runner as a mermaid diagram, for ARCHITECTURE.md: drawn from the table that moveTo obeys. */
export function runnerDiagram(): string {
  const arrows = Object.entries(RUNNER_TRANSITIONS).flatMap(([from, nexts]) =>
    nexts.map((next) => `    ${from} --> ${next === 'gone' ? '[*]' : next}`),
  );
  return ['stateDiagram-v2', '    [*] --> starting', ...arrows].join('\n');
}
