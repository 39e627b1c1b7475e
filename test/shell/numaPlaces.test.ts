import { beforeEach, describe, expect, it } from 'vitest';
import { deviceName } from '../../gateway/domain/ids.ts';
import type { Log } from '../../gateway/ports/log.ts';
import { findNumaPlaces } from '../../gateway/shell/processes/numaPlaces.ts';
import { type MachineText, numaMachine } from './numaMachine.ts';

const CUDA0 = { name: deviceName('CUDA0'), busId: '0000:3b:00.0' };
const CUDA1 = { name: deviceName('CUDA1'), busId: '0000:d8:00.0' };
const BOTH = [CUDA0, CUDA1];

/** Two sockets of eight cores with two threads each, and a device at each. */
const TWO_NODES: MachineText = {
  nodes: { 0: '0-7,16-23', 1: '8-15,24-31' },
  devices: { '0000:3b:00.0': '0', '0000:d8:00.0': '1' },
  status: 'Name:\tnode\nCpus_allowed:\tffffffff\nCpus_allowed_list:\t0-31\nMems_allowed_list:\t0-1\n',
};

let warnings: object[];
const quiet = (): void => {};
const log: Log = { debug: quiet, info: quiet, error: quiet, warn: (fields) => warnings.push(fields) };

beforeEach(() => {
  warnings = [];
});

function find(changes: Partial<MachineText> = {}, devices: Parameters<typeof findNumaPlaces>[0] = BOTH) {
  return findNumaPlaces(devices, log, numaMachine({ ...TWO_NODES, ...changes }));
}

describe('findNumaPlaces()', () => {
  it('gives each device its node and the cores of that', () => {
    const places = find();
    expect([...places.keys()]).toEqual(['CUDA0', 'CUDA1']);
    expect(places.get(CUDA0.name)).toEqual({
      node: 0,
      cores: [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23],
    });
    expect(places.get(CUDA1.name)).toEqual({
      node: 1,
      cores: [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31],
    });
    expect(warnings).toEqual([]);
  });

  it('leaves out cores that this process may not use', () => {
    const places = find({ status: 'Cpus_allowed_list:\t4-9\n' });
    expect(places.get(CUDA0.name)).toEqual({ node: 0, cores: [4, 5, 6, 7] });
    expect(places.get(CUDA1.name)).toEqual({ node: 1, cores: [8, 9] });
  });

  it('gives no place to a device of whose node no core may be used', () => {
    const places = find({ status: 'Cpus_allowed_list:\t0-7\n' });
    expect([...places.keys()]).toEqual(['CUDA0']);
    expect(warnings).toEqual([]);
  });

  it('gives no place at a node that has memory and no cores', () => {
    expect([...find({ nodes: { ...TWO_NODES.nodes, 1: '' } }).keys()]).toEqual(['CUDA0']);
  });

  it('does nothing on a machine of one node', () => {
    const one = { nodes: { 0: '0-31' }, devices: { '0000:3b:00.0': '0', '0000:d8:00.0': '0' } };
    expect(find(one).size).toBe(0);
    expect(warnings).toEqual([]);
  });

  it('does nothing for a device of which the kernel knows no node, or whose place on the bus is not known', () => {
    const devices = { '0000:3b:00.0': '-1', '0000:d8:00.0': '1' };
    expect([...find({ devices }, [CUDA0, { ...CUDA1, busId: null }]).keys()]).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('reads a bus id as other drivers write it', () => {
    const written = [
      { ...CUDA0, busId: '00000000:3B:00.0' },
      { ...CUDA1, busId: '0000:D8:00.0' },
    ];
    expect([...find({}, written).values()].map(({ node }) => node)).toEqual([0, 1]);
  });

  it.each([
    ['a node that is not there', { devices: { ...TWO_NODES.devices, '0000:3b:00.0': '7' } }, 'numa_node'],
    ['a node that is no number', { devices: { ...TWO_NODES.devices, '0000:3b:00.0': 'zero' } }, 'numa_node'],
    ['a device that sysfs does not have', { devices: { '0000:d8:00.0': '1' } }, 'ENOENT'],
    ['cores that are no list', { nodes: { ...TWO_NODES.nodes, 0: '0-7;16' } }, 'cpulist'],
  ])('warns of %s, and places the other device', (_, changes, word) => {
    expect([...find(changes).keys()]).toEqual(['CUDA1']);
    expect(warnings).toEqual([{ device: 'CUDA0', error: expect.stringContaining(word) }]);
  });

  it.each(['', '../../../etc', '3b:00.0', '0000:3b:00.0/..'])('warns of the bus id %j', (busId) => {
    expect([...find({}, [{ ...CUDA0, busId }, CUDA1]).keys()]).toEqual(['CUDA1']);
    expect(warnings).toEqual([{ device: 'CUDA0', error: expect.stringContaining('PCI address') }]);
  });

  it('warns once, and does nothing, where it cannot be read which cores may be used', () => {
    expect(find({ status: 'Name:\tnode\n' }).size).toBe(0);
    expect(warnings).toEqual([{ error: expect.stringContaining('Cpus_allowed_list') }]);
  });

  it('does nothing where the kernel knows nothing of nodes', () => {
    expect(findNumaPlaces(BOTH, log, { sysfs: '/nowhere', process: '/proc/self' }).size).toBe(0);
    expect(warnings).toEqual([]);
  });
});
