import { expect, test } from 'vitest';
import type { Log } from '../../gateway/ports/log.ts';
import { findEventLoopCores } from '../../gateway/shell/processes/eventLoopCores.ts';
import { numaMachine } from './numaMachine.ts';

const quiet = (): void => {};

function find(status: string, cpuThreads: number, warn: Log['warn'] = quiet): readonly number[] {
  const log: Log = { debug: quiet, info: quiet, error: quiet, warn };
  return findEventLoopCores(cpuThreads, log, numaMachine({ nodes: {}, devices: {}, status }));
}

test.each([
  ['0-1', 1, [0]],
  ['2,5', 1, [2]],
  ['0-3', 3, [0]],
  ['0-3', 1, [0, 1, 2]],
])('of the cores %s those that %i decoding threads leave are for event loops', (list, cpuThreads, cores) => {
  expect(find(`Cpus_allowed_list:\t${list}\n`, cpuThreads)).toEqual(cores);
});

test.each([
  ['0', 1],
  ['0-1', 2],
  ['0-1', 9],
  ['0-4', 4],
  ['0-63', 63],
])('of the cores %s with %i decoding threads the kernel chooses', (list, cpuThreads) => {
  expect(find(`Cpus_allowed_list:\t${list}\n`, cpuThreads)).toEqual([]);
});

test('the kernel chooses, and a warning says so, where the cores cannot be read', () => {
  const warned: object[] = [];
  expect(find('Name:\tnode\n', 1, (fields) => warned.push(fields))).toEqual([]);
  expect(warned).toEqual([{ error: expect.stringContaining('expected Cpus_allowed_list, got undefined') }]);
});
