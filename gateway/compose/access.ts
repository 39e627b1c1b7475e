import type { Database } from '../../db/openDatabase.ts';
import type { CatalogueService } from '../catalogue/catalogueService.ts';
import type { Settings } from '../config.ts';
import { reservationOf } from '../domain/admission.ts';
import { keyId } from '../domain/ids.ts';
import type { HttpDeps } from '../http/deps.ts';
import { startOutlook } from '../pool/queries.ts';
import type { PoolState } from '../pool/state.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { SpendBook } from '../ports/spendBook.ts';
import { KeyAccess } from '../shell/keys/keyAccess.ts';
import { KeyBook } from '../shell/keys/keyBook.ts';
import { KeyRing } from '../shell/keys/keyRing.ts';
import { KeySecrets } from '../shell/keys/keySecrets.ts';
import { pastSpend } from '../shell/keys/pastSpend.ts';
import { InProcessSpendBook } from '../shell/keys/spendBook.ts';
import type { PriceList } from '../shell/priceList.ts';

interface Doors {
  readonly access: KeyAccess;
  readonly keys: KeyBook;
  readonly spend: SpendBook;
}

/** The API keys and the policy of the client's door. Throws one sentence when it would stand open to the outside. */
export async function openAccess(
  { host, edge }: Pick<Settings, 'host' | 'edge'>,
  keySecret: string,
  database: Database,
  { catalogue, clock, log }: { catalogue: CatalogueService; clock: Clock; log: Log },
): Promise<Doors> {
  const secrets = new KeySecrets(keySecret);
  const ring = new KeyRing(secrets);
  const keys = new KeyBook({
    ring,
    secrets,
    store: database.keys,
    catalogue: () => catalogue.current(),
    clock,
  });
  await keys.restore();
  const isLocal = isLoopback(host);
  if (ring.size === 0 && !isLocal) {
    if (!edge.allowsAnonymous) throw new Error(openDoor(host));
    log.warn({ host }, 'no API key exists, and whoever reaches this address is served, as it was allowed');
  }
  const spend = new InProcessSpendBook();
  const past = await pastSpend(database.reports, database.requests, clock.epochMs());
  for (const { keyId: id, microUsd, dayEpochMs } of past) spend.restore(keyId(id), microUsd, dayEpochMs);
  database.spend.listen(({ keyId: id, microUsd, dayEpochMs }) =>
    spend.restore(keyId(id), microUsd, dayEpochMs),
  );
  const servesAnonymous = isLocal || edge.allowsAnonymous;
  const access = new KeyAccess({
    ring,
    spend,
    clock,
    servesAnonymous,
  });
  return { access, keys, spend };
}

function isLoopback(host: string): boolean {
  return /^(?:127(?:\.\d{1,3}){3}|localhost|::1)$/i.test(host);
}

function openDoor(host: string): string {
  return (
    `Cannot listen on "${host}": it is not loopback and no API key exists, so whoever reaches it would be served; ` +
    'make one while listening on 127.0.0.1 ("hearth keys create NAME"), or allow it by HEARTH_ALLOW_ANONYMOUS=1'
  );
}

/**
 * What requests may come to use, by the prices in force and by what the pool holds at their admission. Prices by the second
 * may take a budget beyond its limit by what runs at the moment.
 */
export function reservations(state: PoolState, prices: PriceList): HttpDeps['reserve'] {
  return (combo, bounds) =>
    reservationOf(combo.name, bounds, startOutlook(state, combo), prices.current().book);
}
