/** A machine of several NUMA nodes, as far as its kernel tells: folders such as sysfs and procfs have. They go with the test. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Machine } from '../../gateway/shell/processes/numaPlaces.ts';

export interface MachineText {
  /** Of each node its list of cores. */
  readonly nodes: Readonly<Record<number, string>>;
  /** Of each PCI device what its `numa_node` says. */
  readonly devices: Readonly<Record<string, string>>;
  /** The lines of this process's `status`. */
  readonly status: string;
}

export function numaMachine({ nodes, devices, status }: MachineText): Machine {
  const root = mkdtempSync(join(tmpdir(), 'hearth-numa-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const write = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  // What lies beside the nodes there.
  write('sys/devices/system/node/has_cpu', '0-1\n');
  for (const [node, list] of Object.entries(nodes))
    write(`sys/devices/system/node/node${node}/cpulist`, `${list}\n`);
  for (const [busId, node] of Object.entries(devices))
    write(`sys/bus/pci/devices/${busId}/numa_node`, `${node}\n`);
  write('proc/status', status);
  return { sysfs: join(root, 'sys'), process: join(root, 'proc') };
}
