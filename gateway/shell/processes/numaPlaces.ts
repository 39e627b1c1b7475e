import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCoreList } from '../../../runner/protocol/coreList.ts';
import type { DeviceName } from '../../domain/ids.ts';
import type { Log } from '../../ports/log.ts';

/** Where what belongs to a device is to be. */
export interface NumaPlace {
  /** Of the memory that is nearest to it. */
  readonly node: number;
  /** Those of the node that this process may use, ascending, at least one. */
  readonly cores: readonly number[];
}

/** A device that is not there has no place: what belongs to it is wherever the kernel puts it. */
export type NumaPlaces = ReadonlyMap<DeviceName, NumaPlace>;

/** A device, and its place on the PCI bus, as "0000:3b:00.0"; null: not known. */
interface BusDevice {
  readonly name: DeviceName;
  readonly busId: string | null;
}

/** What the kernel tells of the machine. */
export interface Machine {
  /** Where sysfs is mounted. */
  readonly sysfs: string;
  /** Where this process's own folder of procfs is. */
  readonly process: string;
}

export const THIS_MACHINE: Machine = { sysfs: '/sys', process: '/proc/self' };

/** More than a mask of 64 bits can name are not asked for. */
const MOST_NODES = 64;

/** Sysfs writes what it has not been told by the firmware so. */
const NO_NODE = -1;

/**
 * The NUMA node of each device, from sysfs (docs.kernel.org: ABI/testing/sysfs-bus-pci, ABI/stable/sysfs-devices-node). None on a
 * machine of one node. A device whose node is not known, or has no core that this process may use, has none either; what
 * sysfs tells that cannot be read is warned of.
 */
export function findNumaPlaces(
  devices: readonly BusDevice[],
  log: Log,
  machine: Machine = THIS_MACHINE,
): NumaPlaces {
  const places = new Map<DeviceName, NumaPlace>();
  try {
    const nodes = nodesOf(machine);
    if (nodes.length < 2) return places;
    const allowed = new Set(allowedCores(machine));
    for (const { name, busId } of devices) {
      if (busId === null) continue;
      const place = guarded(log, name, () => placeOf(machine, busId, nodes, allowed));
      if (place) places.set(name, place);
    }
  } catch (error) {
    warn(log, error);
  }
  return places;
}

function guarded<T>(log: Log, device: DeviceName, find: () => T): T | null {
  try {
    return find();
  } catch (error) {
    warn(log, error, device);
    return null;
  }
}

function warn(log: Log, error: unknown, device?: DeviceName): void {
  const reason = error instanceof Error ? error.message : String(error);
  log.warn(
    { error: reason, ...(device && { device }) },
    'NUMA nodes are not known: weights and runners are placed by the kernel',
  );
}

function nodesOf({ sysfs }: Machine): number[] {
  const folder = join(sysfs, 'devices/system/node');
  // A kernel that was built without NUMA has no such folder.
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^node\d+$/.test(name))
    .map((name) => Number(name.slice('node'.length)));
}

/** Those that this process may use, ascending. */
export function allowedCores(machine: Machine): readonly number[] {
  const path = join(machine.process, 'status');
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(path, 'utf8'))?.[1];
  const cores = list === undefined ? null : parseCoreList(list);
  if (!cores)
    throw new Error(`Cannot read "${path}": expected Cpus_allowed_list, got ${JSON.stringify(list)}`);
  return cores;
}

/** null: the device has no node, or none with a core that may be used. */
function placeOf(
  { sysfs }: Machine,
  busId: string,
  nodes: readonly number[],
  allowed: ReadonlySet<number>,
): NumaPlace | null {
  const nodePath = join(sysfs, 'bus/pci/devices', folderOf(busId), 'numa_node');
  const text = readFileSync(nodePath, 'utf8').trim();
  const node = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (node === NO_NODE || node >= MOST_NODES) return null;
  if (!nodes.includes(node)) {
    const expected = `expected one of the nodes ${nodes.join(', ')} or ${NO_NODE}`;
    throw new Error(`Cannot read "${nodePath}": ${expected}, got ${JSON.stringify(text)}`);
  }
  const listPath = join(sysfs, 'devices/system/node', `node${node}`, 'cpulist');
  const list = readFileSync(listPath, 'utf8').trim();
  const all = parseCoreList(list);
  if (!all)
    throw new Error(`Cannot read "${listPath}": expected a list of cores, got ${JSON.stringify(list)}`);
  const cores = all.filter((core) => allowed.has(core));
  // From the cores of another node its pages would be as far as any.
  return cores.length === 0 ? null : { node, cores };
}

/** A backend says it in its own way: with eight digits of domain, or in capitals. */
function folderOf(busId: string): string {
  const [, domain, rest] =
    /^(?:0{4})?([\da-f]{4}):([\da-f]{2}:[\da-f]{2}\.[0-7])$/.exec(busId.toLowerCase()) ?? [];
  if (domain === undefined) {
    throw new Error(
      `Cannot find the device at ${JSON.stringify(busId)}: expected a PCI address such as "0000:3b:00.0"`,
    );
  }
  return `${domain}:${rest}`;
}
