import type { Fleet, SimBase, SimCombo } from '../../gateway/reports/replay/fleet.ts';
import { type Arrival, type Arrivals, toArrivals } from '../../gateway/reports/replay/trace.ts';
import { type CsvRow, readCsv } from './csv.ts';

/** Of the bare base's own context, which the fleet's file has no line for. */
const BARE_ATTACH_MS = 12;

/**
 * The fleet: a line for each base (`base0`) and, after it, for each other combo (`base0+lora7@0.8`), with columns `id`,
 * `start_ms` (of a base: its load, of a combo: its attach) and, for bases, `bytes` (weights), `context_bytes` (of each
 * combo's context) and `sequences`.
 */
export function readFleet(text: string, file: string): Fleet {
  const bases: SimBase[] = [];
  const combos: SimCombo[] = [];
  const baseAt = new Map<string, number>();
  for (const row of readCsv(text, file, ['id', 'start_ms', 'bytes', 'context_bytes', 'sequences'])) {
    const id = row.text('id');
    const [baseId = '', ...adapters] = id.split('+');
    if (adapters.length === 0) {
      if (baseAt.has(id)) throw row.error(`base "${id}" is there twice`);
      baseAt.set(id, bases.length);
      combos.push({ name: id, base: bases.length, attachMs: BARE_ATTACH_MS });
      bases.push(baseOf(row, id));
    } else {
      const base = baseAt.get(baseId);
      if (base === undefined) throw row.error(`base "${baseId}" has no line before this one`);
      combos.push({ name: id, base, attachMs: row.number('start_ms') });
    }
  }
  return { bases, combos };
}

/** Arrivals, in any order: columns `at_ms`, `combo` (as the fleet's file names it) and `duration_ms` (grant to end). */
export function readArrivals(text: string, file: string, fleet: Fleet): Arrivals {
  const comboAt = new Map(fleet.combos.map(({ name }, at) => [name, at]));
  const rows: Arrival[] = [];
  for (const row of readCsv(text, file, ['at_ms', 'combo', 'duration_ms'])) {
    const name = row.text('combo');
    const combo = comboAt.get(name);
    if (combo === undefined) throw row.error(`combo "${name}" is not in the fleet`);
    rows.push({ atMs: row.number('at_ms'), combo, durationMs: row.number('duration_ms') });
  }
  return toArrivals(rows);
}

function baseOf(row: CsvRow, id: string): SimBase {
  const sequences = row.number('sequences');
  if (!Number.isInteger(sequences) || sequences < 1)
    throw row.error(`sequences "${sequences}": expected a whole number of at least 1`);
  return {
    id,
    weightBytes: row.number('bytes'),
    loadMs: row.number('start_ms'),
    contextBytes: row.number('context_bytes'),
    sequences,
  };
}
