import type { Pool } from 'undici';
import type { Settings } from '../config.ts';
import type { RunnerId } from '../domain/ids.ts';
import type { PoolState } from '../pool/state.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { ExchangeDeps } from '../shell/exchange.ts';
import { type IdempotencyDeps, IdempotentServing } from '../shell/idempotency/idempotentServing.ts';
import type { RunnerFleet } from '../shell/runnerFleet.ts';
import type { ServeDeps } from '../shell/serveInference.ts';

/** The ledger's part of what serving needs. */
export function ledgerPart(
  { ledger: { idempotencyTtlMs: ttlMs, idempotencyBytes: bytes } }: Settings,
  ledger: Ledger,
  gatewayRun: string,
  { clock, onReplayed }: Pick<IdempotencyDeps, 'clock' | 'onReplayed'>,
): Pick<ExchangeDeps, 'ledger' | 'gatewayRun' | 'keyTtlMs'> & Pick<ServeDeps, 'idempotency'> {
  const idempotency = new IdempotentServing({ ledger, clock, bounds: { bytes, ttlMs }, onReplayed });
  return { ledger, gatewayRun, keyTtlMs: ttlMs, idempotency };
}

/** Before anything is started all that the pool knows were adopted. */
export function adoptedClients(
  pool: PoolState,
  fleet: RunnerFleet,
): { readonly id: RunnerId; readonly client: Pool }[] {
  return [...pool.runners.keys()].flatMap((id) => {
    const client = fleet.client(id);
    return client ? [{ id, client }] : [];
  });
}
