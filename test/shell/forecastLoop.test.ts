import { describe, expect, it } from 'vitest';
import { comboName } from '../../gateway/domain/ids.ts';
import type { PoolEvent } from '../../gateway/pool/events.ts';
import { ForecastLoop } from '../../gateway/shell/forecastLoop.ts';
import { MemoryDemandHistory } from '../fakes/memoryDemandHistory.ts';
import { adapter, catalogueOf, model } from '../pool/builders.ts';

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const NINE = 2000 * WEEK_MS + 9 * HOUR_MS;
const SETTINGS = { enabled: true, horizonMs: 900_000, minChance: 0.5, budgetBytes: 5e9 };

/** A loop at nine o'clock before which `combos` were asked for at nine in the last weeks. */
class Subject {
  readonly history = new MemoryDemandHistory();
  readonly events: PoolEvent[] = [];
  readonly warnings: string[] = [];
  epochMs = NINE;
  readonly loop: ForecastLoop;

  constructor(weeksAgo: Readonly<Record<string, readonly number[]>>, settings = SETTINGS) {
    for (const [combo, weeks] of Object.entries(weeksAgo))
      for (const ago of weeks)
        this.history.records.push({
          combo: comboName(combo),
          arrivedAtEpochMs: NINE - ago * WEEK_MS + 1000,
        });
    const ignore = (): void => {};
    this.loop = new ForecastLoop({
      settings,
      history: this.history,
      catalogue: () => catalogueOf([model('a')], [adapter('x', 'a')]),
      dispatch: (event) => this.events.push(event),
      clock: { monoMs: () => this.epochMs, epochMs: () => this.epochMs },
      log: { debug: ignore, info: ignore, error: ignore, warn: (_, text) => this.warnings.push(text) },
    });
  }

  likely(): string[][] {
    return this.events.map((event) =>
      event.type === 'demandExpected' ? event.likely.map(({ combo }) => combo.name) : [event.type],
    );
  }
}

describe('ForecastLoop', () => {
  it('tells the pool who is usual now, if likely enough and still in the catalogue', async () => {
    const subject = new Subject({ 'a+x': [1, 2, 3], a: [3], 'gone+x': [1, 2, 3] });
    await subject.loop.look();
    expect(subject.likely()).toEqual([['a+x']]);
    expect(subject.events[0]).toMatchObject({ budgetBytes: 5e9, horizonMs: 900_000 });
  });

  it('says so, too, when nobody is', async () => {
    const subject = new Subject({ a: [1] });
    subject.epochMs -= HOUR_MS;
    await subject.loop.look();
    expect(subject.likely()).toEqual([[]]);
  });

  it('forgets what was eight weeks ago', async () => {
    const subject = new Subject({ a: [8] }, { ...SETTINGS, minChance: 0.01 });
    subject.epochMs += 2000;
    await subject.loop.look();
    expect(subject.likely()).toEqual([[]]);
  });

  it('reads the ledger again after six hours, and one look at a time', async () => {
    const subject = new Subject({ a: [1] });
    await Promise.all([subject.loop.look(), subject.loop.look()]);
    expect(subject.events).toHaveLength(1);
    subject.epochMs += 6 * HOUR_MS - 1;
    await subject.loop.look();
    expect(subject.history.reads).toBe(1);
    subject.epochMs += 1;
    await subject.loop.look();
    expect(subject.history.reads).toBe(2);
  });

  it('logs a ledger that cannot be read, and reads it the next time', async () => {
    const subject = new Subject({ a: [1] });
    subject.history.failure = new Error('disk');
    await subject.loop.look();
    expect(subject.events).toEqual([]);
    expect(subject.warnings).toEqual(['demand cannot be forecast now: the ledger was not read']);
    subject.history.failure = null;
    await subject.loop.look();
    expect(subject.likely()).toEqual([['a']]);
  });

  it('does nothing unless it was turned on', () => {
    const subject = new Subject({ a: [1] }, { ...SETTINGS, enabled: false });
    subject.loop.run();
    subject.loop.stop();
    expect(subject.history.reads).toBe(0);
    const on = new Subject({ a: [1] });
    on.loop.run();
    on.loop.stop();
    expect(on.history.reads).toBe(1);
  });
});
