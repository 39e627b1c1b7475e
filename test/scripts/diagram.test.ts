import { describe, expect, test } from 'vitest';
import { embed, stateDiagram } from '../../scripts/diagram.mjs';

describe('stateDiagram()', () => {
  test('draws an arrow for each transition, and an end for a state without a row', () => {
    expect(stateDiagram({ on: ['off', 'gone'], off: ['gone'] }, 'on').split('\n')).toEqual([
      '```mermaid',
      'stateDiagram-v2',
      '    [*] --> on',
      '    on --> off',
      '    on --> [*]',
      '    off --> [*]',
      '```',
    ]);
  });
});

describe('embed()', () => {
  const page = 'before\n<!-- generated: x -->\nold\n<!-- end -->\nafter\n';

  test('replaces what stands between the marks, and does so once', () => {
    const once = embed(page, 'x', 'new');
    expect(once).toBe('before\n<!-- generated: x -->\nnew\n<!-- end -->\nafter\n');
    expect(embed(once, 'x', 'new')).toBe(once);
  });

  test('throws when the page has no place for it', () => {
    expect(() => embed(page, 'y', 'new')).toThrow('Cannot embed "y"');
  });
});
