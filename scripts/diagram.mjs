/** Draws a table of transitions and puts the drawing into a page. Pure. */

/** A Mermaid state diagram. States that the table has no row for are ends. */
export function stateDiagram(transitions, initial) {
  const name = (state) => (transitions[state] === undefined ? '[*]' : state);
  const arrows = Object.entries(transitions).flatMap(([from, targets]) =>
    targets.map((to) => `    ${from} --> ${name(to)}`),
  );
  return ['```mermaid', 'stateDiagram-v2', `    [*] --> ${initial}`, ...arrows, '```'].join('\n');
}

/** Replaces what stands between `<!-- generated: TITLE -->` and `<!-- end -->`. Throws when the page has no such place. */
export function embed(page, title, text) {
  const start = `<!-- generated: ${title} -->`;
  const from = page.indexOf(start);
  const to = page.indexOf('<!-- end -->', from);
  if (from < 0 || to < 0) throw new Error(`Cannot embed "${title}": the page has no place for it`);
  return `${page.slice(0, from + start.length)}\n${text}\n${page.slice(to)}`;
}
