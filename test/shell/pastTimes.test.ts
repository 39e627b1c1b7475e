import { describe, expect, it } from 'vitest';
import { comboName } from '../../gateway/domain/ids.ts';
import type { PastDuration } from '../../gateway/ports/durationHistory.ts';
import { pastTimesEvent, readPastTimes } from '../../gateway/shell/pastTimes.ts';
import { MemoryDurationHistory } from '../fakes/memoryDurationHistory.ts';
import { requestRecord } from '../fakes/records.ts';
import { adapter, catalogueOf, comboOf, model } from '../pool/builders.ts';

const CATALOGUE = catalogueOf([model('a')], [adapter('x', 'a')]);

function past(
  name: string,
  comboRevision: string,
  tookMs = 5,
  kind: PastDuration['kind'] = 'cold',
): PastDuration {
  return { combo: comboName(name), comboRevision, kind, tookMs };
}

describe('pastTimesEvent()', () => {
  it('tells of combos as they are now, in their order, and of no others', () => {
    const event = pastTimesEvent(
      [
        past('a', 'r1', 5),
        past('a', 'r0', 6),
        past('a+x', 'r1.a1', 7, null),
        past('a+x', 'r1', 8),
        past('gone', 'r1', 9),
        past('a', 'r1', 10, 'attach'),
      ],
      CATALOGUE,
    );
    expect(event.times).toEqual([
      { combo: comboOf('a', CATALOGUE), kind: 'cold', tookMs: 5 },
      { combo: comboOf('a+x', CATALOGUE), kind: null, tookMs: 7 },
      { combo: comboOf('a', CATALOGUE), kind: 'attach', tookMs: 10 },
    ]);
  });
});

describe('readPastTimes()', () => {
  const warnings: unknown[] = [];
  const ignore = (): void => {};
  const log = {
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (fields: unknown) => warnings.push(fields),
  };

  it('reads the last sixteen of each', async () => {
    const history = new MemoryDurationHistory();
    for (let at = 0; at < 17; at += 1)
      history.records.push(requestRecord(`r${at}`, { phasesMs: { decode: at } }));
    const read = await readPastTimes(history, log);
    expect(read.map(({ tookMs }) => tookMs)).toEqual(Array.from({ length: 16 }, (_, at) => at + 1));
    expect(warnings).toEqual([]);
  });

  it('gives nothing when the ledger cannot be read, and says so', async () => {
    const history = new MemoryDurationHistory();
    history.failure = new Error('the disk is gone');
    expect(await readPastTimes(history, log)).toEqual([]);
    expect(warnings).toEqual([{ error: 'the disk is gone' }]);
  });
});
