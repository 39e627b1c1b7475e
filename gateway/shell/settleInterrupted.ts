import type { Pool } from 'undici';
import type { Admission } from '../domain/admission.ts';
import type { RunnerId } from '../domain/ids.ts';
import type { Clock } from '../ports/clock.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { LedgerRuns } from '../ports/ledgerRuns.ts';
import type { Log } from '../ports/log.ts';
import { type LateUse, makeInterruptedRecord } from './exchangeRecord.ts';
import { lateReport } from './lateReport.ts';

export interface SettlingDeps {
  readonly ledger: Pick<Ledger, 'append'> & LedgerRuns;
  /** Runners that were adopted: they know what their last requests have used. */
  readonly adopted: readonly { readonly id: RunnerId; readonly client: Pool }[];
  readonly gatewayRun: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** As many reports as a runner remembers: of what came before them nothing is known. */
const MOST_ASKED = 256;
/** Written at one time: the writer refuses more than it can hold. */
const GROUP = 1_000;
const ASKED_AT_ONCE = 16;
/** What a start waits at most for runners to tell of interrupted requests. */
const ASKING_LIMIT_MS = 2_000;

/**
 * Gives every request that the end of an earlier gateway cut off its row, with what it has used where an adopted runner
 * still knows. Before this gateway serves, after runners were adopted. A disk that refuses does not keep the gateway from
 * starting: the next one finds the same requests.
 */
export async function settleInterrupted(deps: SettlingDeps): Promise<void> {
  await settle(deps).catch((error: Error) => {
    deps.log.error({ error: error.message }, 'requests that an earlier gateway cut off were not settled');
  });
}

async function settle(deps: SettlingDeps): Promise<void> {
  const { ledger, gatewayRun, clock, log } = deps;
  const cutOff = await ledger.unsettled();
  const uses = await usesOf(cutOff.slice(-MOST_ASKED), deps);
  for (let from = 0; from < cutOff.length; from += GROUP) {
    const group = cutOff.slice(from, from + GROUP);
    await Promise.all(
      group.map((one) => ledger.append(makeInterruptedRecord(one, uses.get(one.requestId) ?? null))),
    );
  }
  await ledger.began(gatewayRun, clock.epochMs());
  if (cutOff.length === 0) return;
  log.warn(
    { requests: cutOff.length, known: uses.size },
    'requests that an earlier gateway cut off are settled',
  );
}

async function usesOf(
  cutOff: readonly Admission[],
  { adopted, clock }: SettlingDeps,
): Promise<ReadonlyMap<string, LateUse>> {
  const uses = new Map<string, LateUse>();
  const untilMonoMs = clock.monoMs() + ASKING_LIMIT_MS;
  const ask = async (runner: SettlingDeps['adopted'][number]): Promise<void> => {
    // The newest first: of these a runner knows the most.
    const left = cutOff.map(({ requestId }) => requestId);
    const askOn = async (): Promise<void> => {
      for (let id = left.pop(); id !== undefined && clock.monoMs() < untilMonoMs; id = left.pop()) {
        const report = await lateReport(runner.client, id);
        if (report) uses.set(id, { runnerId: runner.id, report });
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askOn));
  };
  await Promise.all(adopted.map(ask));
  return uses;
}
