import type { Trace } from '../../gateway/reports/replay/trace.ts';

/**
 * What a schedule of grants asks of memory, item by item (an item is a base's weights, or a combo's context): between
 * two times in which it serves there is a gap, through which it is kept or after which it is got again.
 */
export interface Gaps {
  readonly fromMs: Float64Array;
  readonly untilMs: Float64Array;
  readonly bytes: Float64Array;
  readonly costMs: Float64Array;
  /** Of the first time that each item was got: no schedule goes without. */
  readonly firstCostMs: number;
  /** Times in which an item serves. */
  readonly inUse: readonly InUse[];
  readonly endMs: number;
}

export interface InUse {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly bytes: number;
}

interface Item {
  readonly bytes: number;
  readonly costMs: number;
  /** NaN: it has not served yet. */
  servesSinceMs: number;
  servesUntilMs: number;
}

/** `grantedMs` by request; NaN: it was refused. */
export function gapsOf({ fleet, arrivals }: Trace, grantedMs: Float64Array): Gaps {
  const bases = fleet.bases.map(({ weightBytes, loadMs }) => itemOf(weightBytes, loadMs));
  const combos = fleet.combos.map(({ base, attachMs }) =>
    itemOf(fleet.bases[base]?.contextBytes ?? 0, attachMs),
  );
  const book = new GapBook();
  const order = Uint32Array.from(grantedMs, (_, at) => at).filter((at) => !Number.isNaN(grantedMs[at]));
  order.sort((a, b) => (grantedMs[a] ?? 0) - (grantedMs[b] ?? 0));
  for (const request of order) {
    const fromMs = grantedMs[request] ?? 0;
    const untilMs = fromMs + (arrivals.durationMs[request] ?? 0);
    const combo = arrivals.combo[request] ?? 0;
    const base = bases[fleet.combos[combo]?.base ?? 0];
    if (base) book.serve(base, fromMs, untilMs);
    const context = combos[combo];
    if (context) book.serve(context, fromMs, untilMs);
  }
  return book.close([...bases, ...combos]);
}

function itemOf(bytes: number, costMs: number): Item {
  return { bytes, costMs, servesSinceMs: Number.NaN, servesUntilMs: 0 };
}

class GapBook {
  readonly #fromMs: number[] = [];
  readonly #untilMs: number[] = [];
  readonly #bytes: number[] = [];
  readonly #costMs: number[] = [];
  readonly #inUse: InUse[] = [];
  #firstCostMs = 0;
  #endMs = 0;

  serve(item: Item, fromMs: number, untilMs: number): void {
    this.#endMs = Math.max(this.#endMs, untilMs);
    if (Number.isNaN(item.servesSinceMs)) {
      this.#firstCostMs += item.costMs;
      item.servesSinceMs = fromMs;
    } else if (fromMs > item.servesUntilMs) {
      this.#fromMs.push(item.servesUntilMs);
      this.#untilMs.push(fromMs);
      this.#bytes.push(item.bytes);
      this.#costMs.push(item.costMs);
      this.#served(item);
      item.servesSinceMs = fromMs;
    }
    item.servesUntilMs = Math.max(item.servesUntilMs, untilMs);
  }

  close(items: readonly Item[]): Gaps {
    for (const item of items) if (!Number.isNaN(item.servesSinceMs)) this.#served(item);
    return {
      fromMs: Float64Array.from(this.#fromMs),
      untilMs: Float64Array.from(this.#untilMs),
      bytes: Float64Array.from(this.#bytes),
      costMs: Float64Array.from(this.#costMs),
      firstCostMs: this.#firstCostMs,
      inUse: this.#inUse,
      endMs: this.#endMs,
    };
  }

  #served({ servesSinceMs: fromMs, servesUntilMs: untilMs, bytes }: Item): void {
    this.#inUse.push({ fromMs, untilMs, bytes });
  }
}
