import { describe, expect, test } from 'vitest';
import { StartBoard } from '../../../gateway/http/dashboard/figures/startBoard.ts';

type Told = [
  atMs: number,
  type: string,
  runnerId?: string | null,
  combo?: string | null,
  detail?: Record<string, unknown>,
];

function after(...told: Told[]): StartBoard {
  const board = new StartBoard();
  for (const [atMs, type, runnerId, combo, detail] of told) {
    const event = {
      atEpochMs: 0,
      type,
      ...(runnerId && { runnerId }),
      ...(combo && { combo }),
      ...(detail && { detail }),
    };
    board.heard(event, atMs);
  }
  return board;
}

function steps(board: StartBoard): string[][] {
  return board
    .list()
    .map((start) => [
      `${start.combo} ${start.state}`,
      ...start.steps.map(({ name, fromMonoMs, toMonoMs }) => `${name} ${fromMonoMs}-${toMonoMs ?? ''}`),
    ]);
}

describe('StartBoard', () => {
  test('follows a standby from its claim to its combo', () => {
    const board = after(
      [0, 'standby_ready', 'r1'],
      [10, 'standby_claimed', 'r1', 'a+x'],
      [30, 'runner_ready', 'r1'],
      [30, 'combo_attaching', 'r1', 'a+x'],
      [45, 'combo_ready', 'r1', 'a+x'],
    );
    expect(steps(board)).toEqual([['a+x ready', 'load 10-30', 'attach 30-45']]);
  });

  test('tells the process from the loading of its base', () => {
    const board = after(
      [0, 'runner_spawned', 'r1', 'a'],
      [40, 'runner_loading', 'r1', null, { base: 'a' }],
      [90, 'runner_ready', 'r1'],
      [90, 'combo_attaching', 'r1', 'a'],
      [95, 'combo_ready', 'r1', 'a'],
    );
    expect(steps(board)).toEqual([['a ready', 'spawn 0-40', 'load 40-90', 'attach 90-95']]);
  });

  test('tells a standby that still comes up, and an attach on a runner that is there', () => {
    const board = after([1, 'standby_claimed', 'r1', 'a'], [2, 'combo_attaching', 'r2', 'a+x@0.5']);
    expect(steps(board)).toEqual([
      ['a+x@0.5 running', 'attach 2-'],
      ['a running', 'spawn 1-'],
    ]);
  });

  test('has staging as a step of those that wait for that file, with how far it is', () => {
    const half = { key: 'k', entry: 'a', bytes: 50, totalBytes: 100 };
    const board = after(
      [0, 'runner_spawned', 'r1', 'a'],
      [0, 'runner_spawned', 'r2', 'b'],
      [5, 'segment_staging', null, null, { ...half, bytes: 1 }],
      [6, 'segment_staging', null, null, half],
    );
    expect(steps(board)[1]).toEqual(['a running', 'spawn 0-5', 'stage 5-']);
    expect(board.list()[1]?.steps.at(-1)?.fraction).toBe(0.5);
    board.heard({ atEpochMs: 0, type: 'segment_staged', detail: { key: 'k' } }, 9);
    expect(steps(board)).toEqual([
      ['b running', 'spawn 0-'],
      ['a running', 'spawn 0-5', 'stage 5-9', 'load 9-'],
    ]);
  });

  test('ends all starts of a runner that is lost as failed, and no other', () => {
    const board = after(
      [0, 'runner_spawned', 'r1', 'a'],
      [1, 'runner_waking', 'r2', null, { base: 'b' }],
      [7, 'runner_exited', 'r1'],
    );
    expect(steps(board)).toEqual([
      ['b running', 'load 1-'],
      ['a failed', 'spawn 0-7'],
    ]);
  });

  test('keeps the newest twenty', () => {
    const board = new StartBoard();
    for (let n = 0; n < 25; n += 1)
      board.heard({ atEpochMs: 0, type: 'runner_spawned', runnerId: `r${n}`, combo: `m${n}` }, n);
    expect(board.list().map(({ combo }) => combo)).toEqual(
      Array.from({ length: 20 }, (_, i) => `m${24 - i}`),
    );
  });
});
