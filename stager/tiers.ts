import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Book, NativeStore, StoreAddon } from '../native/storeTypes.ts';
import { StagerError } from './failure.ts';
import type { SegmentRow, TierName, TierSettings } from './protocol/messages.ts';

/** `.segment.json`, as native/core/store writes it. */
const segmentFileSchema = z.object({
  format: z.literal(2),
  contentId: z.string(),
  bytes: z.int().nonnegative(),
  stagedAtEpochMs: z.int(),
  encrypted: z.boolean(),
  files: z.array(z.object({ name: z.string() })),
});

/** A store and what its books may take. */
export interface Tier {
  readonly store: NativeStore;
  readonly settings: TierSettings;
}

/** The tiers of this box. */
export class Tiers {
  readonly memory: Tier;
  readonly disk: Tier | null;

  /** Opens the stores; throws a StoreError. */
  constructor(addon: StoreAddon, memory: TierSettings, disk: TierSettings | null) {
    const open = (settings: TierSettings, durable: boolean): Tier => ({
      store: addon.openStore({ root: settings.root, durable }),
      settings,
    });
    this.memory = open(memory, false);
    this.disk = disk && open(disk, true);
  }

  /** Throws a StagerError when this box has none of that name. */
  get(name: TierName): Tier {
    const tier = name === 'memory' ? this.memory : this.disk;
    if (tier) return tier;
    throw new StagerError('tier_missing', `Cannot use the tier "${name}": none is configured`, true);
  }

  setPrefetchCap(bytesPerSecond: number | null): void {
    this.memory.store.setPrefetchCap(bytesPerSecond);
    this.disk?.store.setPrefetchCap(bytesPerSecond);
  }

  /** Where a source is already. */
  lookup(book: Book, sourceKey: string): { memory: string | null; disk: string | null } {
    return {
      memory: this.memory.store.lookup(book, sourceKey),
      disk: this.disk?.store.lookup(book, sourceKey) ?? null,
    };
  }

  /** Segments with what is written in them. One that goes meanwhile is left out. */
  async list(name: TierName): Promise<SegmentRow[]> {
    const { store, settings } = this.get(name);
    const rows: SegmentRow[] = [];
    for (const segment of await store.list()) {
      const described = readSegmentFile(
        join(settings.root, segment.book, segment.contentId, '.segment.json'),
      );
      if (!described) continue;
      const { bytes: contentBytes, encrypted, stagedAtEpochMs } = described;
      rows.push({ ...segment, contentBytes, encrypted, stagedAtEpochMs });
    }
    return rows;
  }
}

/** Of the one file of a segment; null: it has several. */
export function fileNameOf(segmentPath: string): string | null {
  const files = readSegmentFile(join(segmentPath, '.segment.json'))?.files ?? [];
  return files.length === 1 ? (files[0]?.name ?? null) : null;
}

function readSegmentFile(path: string): z.infer<typeof segmentFileSchema> | null {
  try {
    const parsed = segmentFileSchema.safeParse(JSON.parse(readFileSync(path, 'utf8')));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
