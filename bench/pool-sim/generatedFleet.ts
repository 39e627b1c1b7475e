import type { Fleet, SimBase, SimCombo } from '../../gateway/reports/replay/fleet.ts';
import type { Random } from './random.ts';

/** Where weights come from: GB/s as docs/benchmarks.md and FACTS.md have them, and the share of the bases that is there. */
const SOURCES = [
  { name: 'NFS over 1 GbE', bytesPerMs: 0.118e6, share: 0.3 },
  { name: 'NFS over 10 GbE', bytesPerMs: 0.9e6, share: 0.4 },
  { name: 'NVMe', bytesPerMs: 3.4e6, share: 0.3 },
] as const;

/** Of a load and of an attach, beside reading the bytes. */
const LOAD_MS = 350;
const ATTACH_MS = 12;

export interface FleetShape {
  readonly bases: number;
  readonly combos: number;
  readonly leastBytes: number;
  readonly mostBytes: number;
  readonly sequences: number;
  /** `one`: every base comes from NVMe. */
  readonly sources: 'mixed' | 'one';
}

/**
 * Bases of sizes spread evenly over the orders of magnitude, each with an equal share of the adapters, beside the
 * bare base. An adapter is 0.5 to 4 % of its base, and comes from the same source; a context takes 6 % of it.
 */
export function generateFleet(shape: FleetShape, random: Random): Fleet {
  const bases: SimBase[] = [];
  const combos: SimCombo[] = [];
  const rates: number[] = [];
  for (let at = 0; at < shape.bases; at += 1) {
    const weightBytes = Math.round(random.logUniform(shape.leastBytes, shape.mostBytes));
    const bytesPerMs = drawSource(shape.sources, random);
    rates.push(bytesPerMs);
    bases.push({
      id: `base${at}`,
      weightBytes,
      loadMs: Math.round(LOAD_MS + weightBytes / bytesPerMs),
      contextBytes: Math.round(weightBytes * 0.06) + 64e6,
      sequences: shape.sequences,
    });
    combos.push({ name: `base${at}`, base: at, attachMs: ATTACH_MS });
  }
  for (let at = shape.bases; at < shape.combos; at += 1) {
    const base = at % shape.bases;
    const bytes = (bases[base]?.weightBytes ?? 0) * random.logUniform(0.005, 0.04);
    const attachMs = Math.round(ATTACH_MS + bytes / (rates[base] ?? 1));
    combos.push({ name: `base${base}+lora${at}`, base, attachMs });
  }
  return { bases, combos };
}

function drawSource(sources: FleetShape['sources'], random: Random): number {
  const drawn = random.next();
  if (sources === 'one') return SOURCES[2].bytesPerMs;
  let upTo = 0;
  for (const { share, bytesPerMs } of SOURCES) {
    upTo += share;
    if (drawn < upTo) return bytesPerMs;
  }
  return SOURCES[2].bytesPerMs;
}
