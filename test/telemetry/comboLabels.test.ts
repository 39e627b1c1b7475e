import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ComboLabels, type LabelLimits } from '../../gateway/telemetry/comboLabels.ts';

/** Names as an operator gives them in the course of a test. */
class Operator {
  readonly names = new Set<string>(['base']);
  readonly adapters = new Set<string>();
  readonly named = () => this.names;
  readonly alone = () => this.adapters;
}

function labelsOf(operator: Operator, limits?: LabelLimits): (combo: string | null) => string {
  const labels = new ComboLabels(operator, limits);
  return (combo) => labels.of(combo);
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('ComboLabels', () => {
  test('leaves out scales that nobody but a client has named', () => {
    const operator = new Operator();
    operator.names.add('base+a@0.5');
    for (const id of ['a', 'b']) operator.adapters.add(`base+${id}`);
    const of = labelsOf(operator);
    expect(['base', 'base+a', 'base+a@0.5', 'base+a@0.123', 'base+a@-2+b@0.7'].map(of)).toEqual([
      'base',
      'base+a',
      'base+a@0.5',
      'base+a',
      'base+a+b',
    ]);
    expect(of(null)).toBe('none');
  });

  test('keeps the places of what is named for it, however many names clients make before', () => {
    const operator = new Operator();
    const named = numbers(120).map((index) => `base+pinned@0.${index + 1}`);
    const alone = numbers(60).map((index) => `base+a${index}`);
    for (const name of named) operator.names.add(name);
    for (const name of alone) operator.adapters.add(name);
    const of = labelsOf(operator);
    const made = numbers(500).map((index) => of(`base+a${index % 60}@0.${index}+z${index}`));
    for (const name of alone) of(`${name}@0.77`);
    expect([...named, ...alone].map(of)).toEqual([...named, ...alone]);
    // 200 less the base, and those two.
    expect(new Set(made.filter((label) => label !== 'other')).size).toBe(19);
  });

  test('keeps places of bases and pins from adapters, where both together are too many', () => {
    const operator = new Operator();
    operator.names.add('base+pinned@0.5');
    for (const index of numbers(5)) operator.adapters.add(`base+a${index}`);
    const of = labelsOf(operator, { labels: 4, remembered: 10 });
    expect(numbers(5).map((index) => of(`base+a${index}`))).toEqual([
      'base+a0',
      'base+a1',
      'other',
      'other',
      'other',
    ]);
    expect(['base', 'base+pinned@0.5', 'base+a0+a1'].map(of)).toEqual(['base', 'base+pinned@0.5', 'other']);
  });

  test('does not give a name that was asked for another label when it is named later', () => {
    const operator = new Operator();
    operator.adapters.add('base+a');
    const of = labelsOf(operator, { labels: 2, remembered: 10 });
    expect([of('base+a@0.5'), of('base+a+b')]).toEqual(['base+a', 'other']);
    for (const name of ['base+a@0.5', 'base+a+b', 'base+a@0.6']) operator.names.add(name);
    operator.names.delete('base');
    expect(['base+a@0.5', 'base+a+b', 'base+a@0.6'].map(of)).toEqual(['base+a', 'other', 'base+a@0.6']);
  });

  test('goes on with bases and adapters when it remembers no more of what clients make', () => {
    const operator = new Operator();
    operator.adapters.add('base+a');
    const of = labelsOf(operator, { labels: 200, remembered: 100 });
    for (const index of numbers(1000)) of(`base+a@0.${index + 1}`);
    operator.names.add('later').add('base+a@0.00007');
    operator.adapters.add('base+b');
    expect(['later', 'base+b', 'base+b@3', 'base+a@0.00007'].map(of)).toEqual([
      'later',
      'base+b',
      'base+b',
      'base+a',
    ]);
  });

  test('has no label for very long names', () => {
    const of = labelsOf(new Operator());
    const long = numbers(32).map((index) => `+adapter-number-${index}`);
    expect(of(`base${long.join('')}`)).toBe('other');
    expect(of(`base${long.map((part) => `${part}@0.5`).join('')}`)).toBe('other');
  });

  test('stays within its places, and with its words, in any order of requests, names and removals', () => {
    const part = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('', '@0.5', '@2'));
    const combo = fc
      .uniqueArray(part, { selector: ([id]) => id, maxLength: 3 })
      .map((parts) =>
        ['base', ...parts.toSorted(([one], [other]) => (one < other ? -1 : 1)).map((p) => p.join(''))].join(
          '+',
        ),
      );
    const step = fc.tuple(fc.constantFrom('ask', 'ask', 'ask', 'name', 'forget', 'add', 'remove'), combo);
    const limits = fc.record({ labels: fc.integer({ min: 0, max: 6 }), remembered: fc.nat(8) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), limits, (steps, bounds) => {
        const operator = new Operator();
        const of = labelsOf(operator, bounds);
        const given = new Map<string, string>();
        const everNamed = new Set(operator.names);
        for (const [kind, name] of steps) {
          if (kind === 'name') for (const names of [everNamed, operator.names]) names.add(name);
          if (kind === 'forget') operator.names.delete(name);
          const [base, id = 'a'] = name.replaceAll(/@[^+]*/g, '').split('+');
          if (kind === 'add') operator.adapters.add(`${base}+${id}`);
          if (kind === 'remove') operator.adapters.delete(`${base}+${id}`);
          if (kind !== 'ask') continue;
          const label = of(name);
          expect(given.get(name) ?? label).toBe(label);
          given.set(name, label);
          const unscaled = name.replaceAll(/@[^+]*/g, '');
          expect([everNamed.has(name) ? name : unscaled, unscaled, 'other']).toContain(label);
        }
        const own = new Set([...given.values()].filter((label) => label !== 'other'));
        expect(own.size).toBeLessThanOrEqual(bounds.labels);
      }),
      { numRuns: 300 },
    );
  });
});
