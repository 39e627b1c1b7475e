import { describe, expect, test } from 'vitest';
import { occupancyView } from '../../gateway/shell/occupancyView.ts';
import { runnerCountersSchema } from '../../runner/protocol/control.ts';

const EARLIER = {
  requests: 2,
  cancelledRequests: 0,
  promptTokens: 10,
  decodedTokens: 4,
  maxTokensAfterCancel: 0,
  decodeCalls: 4,
  adapterSwitches: 0,
  activeSequences: 1,
  waitingRequests: 0,
  embeddings: 0,
  progress: 9,
  contexts: 1,
  kvBytes: 4096,
  threads: 1,
  residentBytes: 8192,
};
const COUNTED = {
  ...EARLIER,
  batchTokens: 14,
  possibleBatchTokens: 2048,
  batchSequences: 6,
  possibleBatchSequences: 16,
  kvCellSteps: 50,
  possibleKvCellSteps: 8192,
  kvCells: 2048,
  usedKvCells: 7,
};

describe('occupancyView()', () => {
  test('occupancyView() has what is used now, and the mean of all decode calls', () => {
    expect(occupancyView(runnerCountersSchema.parse(COUNTED), 8)).toEqual({
      sequences: { used: 1, possible: 8 },
      kv_cells: { used: 7, possible: 2048 },
      mean: {
        batch_tokens: { used: 3.5, possible: 512 },
        sequences: { used: 1.5, possible: 4 },
        kv_cells: { used: 12.5, possible: 2048 },
      },
    });
  });

  test('occupancyView() has no mean before the first decode call', () => {
    const idle = { ...EARLIER, decodeCalls: 0, activeSequences: 0 };
    expect(occupancyView(runnerCountersSchema.parse(idle), 8)).toEqual({
      sequences: { used: 0, possible: 8 },
      kv_cells: { used: 0, possible: 0 },
      mean: null,
    });
  });

  test('occupancyView() has no mean of a runner of an earlier version, which does not count them', () => {
    expect(occupancyView(runnerCountersSchema.parse(EARLIER), 8).mean).toBeNull();
  });
});
