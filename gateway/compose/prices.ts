import type { CatalogueService } from '../catalogue/catalogueService.ts';
import type { Clock } from '../ports/clock.ts';
import type { EventLog } from '../ports/eventLog.ts';
import type { Log } from '../ports/log.ts';
import type { PriceStore } from '../ports/priceStore.ts';
import { PriceList } from '../shell/priceList.ts';

interface PriceDeps {
  readonly store: PriceStore;
  readonly catalogue: CatalogueService;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly log: Log;
}

/** The prices, which follow the configuration file whenever it is read. */
export async function openPrices({ store, catalogue, events, clock, log }: PriceDeps): Promise<PriceList> {
  const prices = new PriceList(store, clock);
  await prices.restore();
  const follow = async (): Promise<void> => {
    const before = prices.current().version;
    const { version } = await prices.configured(catalogue.prices());
    if (version === before) return;
    events.append({
      atEpochMs: clock.epochMs(),
      type: 'prices_changed',
      detail: { version, author: 'config' },
    });
  };
  await follow();
  catalogue.onChange(() => {
    follow().catch((error: Error) => {
      log.error({ error: error.message }, 'prices of the configuration file could not be stored');
    });
  });
  return prices;
}
