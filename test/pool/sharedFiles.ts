import type { CatalogueModel } from '../../gateway/domain/catalogue.ts';
import type { DeviceName, RunnerId, SegmentKey } from '../../gateway/domain/ids.ts';
import { baseKey } from '../../gateway/pool/state.ts';
import type { SimulatedProcess } from './processes.ts';
import type { StoreSide } from './storeSide.ts';

type Processes = ReadonlyMap<RunnerId, SimulatedProcess>;

/** The file that a process maps, so that its pages are those of all that map it; null: its weights are its own. */
export function fileOf(
  { segment, useMmap, repack }: CatalogueModel,
  device: DeviceName | null,
): SegmentKey | null {
  return device === null && useMmap && !repack ? segment : null;
}

/** Says where the weights of a process are that begins to be one of that base. */
export function beginOn(
  processes: Processes,
  process: SimulatedProcess | undefined,
  model: CatalogueModel,
  store: StoreSide,
): void {
  if (!process) return;
  const file = fileOf(model, process.device);
  process.origin = originFor(processes, file, store);
  process.baseKind = file !== null && process.origin === 'source' ? 'cold' : store.kindOf(model);
  process.baseKey = baseKey(model);
  process.file = file;
}

/** From where it has to map it: from the source while others of it do. */
function originFor(processes: Processes, file: SegmentKey | null, store: StoreSide): 'store' | 'source' {
  const other = [...processes.values()].find((one) => one.file === file && file !== null);
  return other?.origin ?? (file !== null && store.has(file) ? 'store' : 'source');
}

/** The store has lost it before anybody had mapped it. */
export function lostFile(processes: Processes, file: SegmentKey): void {
  const sharers = [...processes.values()].filter((one) => one.file === file);
  if (sharers.some(({ hasLoaded }) => hasLoaded)) return;
  for (const one of sharers) one.origin = 'source';
}

/** Somebody holds its lock. */
export function isLocked(processes: Processes, file: SegmentKey): boolean {
  return [...processes.values()].some(
    (one) => one.file === file && (one.hasLoaded || one.state === 'loading') && one.origin === 'store',
  );
}

/** Pages of mapped files, each once. */
export function mappedBytes(processes: Processes): number {
  const files = new Map<string, number>();
  for (const one of processes.values()) {
    const bytes = one.mappedBytes();
    if (bytes > 0) files.set(`${one.origin} ${one.file}`, bytes);
  }
  let bytes = 0;
  for (const one of files.values()) bytes += one;
  return bytes;
}
