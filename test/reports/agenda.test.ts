import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Agenda } from '../../gateway/reports/replay/agenda.ts';

interface Entry {
  readonly atMs: number;
  readonly order: number;
}

function agendaOf(times: readonly number[]): Agenda<Entry> {
  const agenda = new Agenda<Entry>();
  for (const [order, atMs] of times.entries()) agenda.put(atMs, { atMs, order });
  return agenda;
}

function takeAll(agenda: Agenda<Entry>): Entry[] {
  const taken: Entry[] = [];
  for (let next = agenda.take(); next; next = agenda.take()) taken.push(next);
  return taken;
}

describe('Agenda', () => {
  it('has nothing to come when it is empty', () => {
    const agenda = new Agenda<string>();
    expect(agenda.nextMs).toBe(Number.POSITIVE_INFINITY);
    expect(agenda.take()).toBeUndefined();
    agenda.put(5, 'five');
    expect(agenda.take()).toBe('five');
    expect(agenda.nextMs).toBe(Number.POSITIVE_INFINITY);
    expect(agenda.take()).toBeUndefined();
  });

  it('gives what comes soonest, whenever it was put down', () => {
    const agenda = agendaOf([5, 3, 9, 1, 7, 8, 2]);
    expect(agenda.nextMs).toBe(1);
    expect(takeAll(agenda).map(({ atMs }) => atMs)).toEqual([1, 2, 3, 5, 7, 8, 9]);
  });

  it('gives of equal times what was put down first', () => {
    const taken = takeAll(agendaOf([4, 4, 4, 4, 4, 4, 4, 1]));
    expect(taken.map(({ order }) => order)).toEqual([7, 0, 1, 2, 3, 4, 5, 6]);
  });

  it('takes more while it is being emptied, and keeps the order of time, then of putting down', () => {
    const steps = fc.array(fc.option(fc.nat(9), { nil: null }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (times) => {
        const agenda = new Agenda<Entry>();
        const expected: Entry[] = [];
        for (const [order, atMs] of times.entries()) {
          if (atMs === null) expect(agenda.take()).toEqual(expected.shift());
          else {
            agenda.put(atMs, { atMs, order });
            expected.push({ atMs, order });
            expected.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
          }
          expect(agenda.nextMs).toBe(expected[0]?.atMs ?? Number.POSITIVE_INFINITY);
        }
        expect(takeAll(agenda)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });
});
