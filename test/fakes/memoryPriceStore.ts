import type { PriceVersion } from '../../gateway/domain/prices.ts';
import type { PriceStore } from '../../gateway/ports/priceStore.ts';

export class MemoryPriceStore implements PriceStore {
  readonly versions: PriceVersion[] = [];

  async load(): Promise<PriceVersion[]> {
    return [...this.versions];
  }

  async add(version: PriceVersion): Promise<void> {
    if (this.versions.some((one) => one.version === version.version)) throw new Error('there is one already');
    this.versions.push(version);
  }
}
