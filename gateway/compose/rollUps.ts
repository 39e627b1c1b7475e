import type { Database } from '../../db/openDatabase.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

/** Brings the ledger into the roll-ups until the database is closed. Without them reports are as right, and slower. */
export function rollUpRegularly({ rollUps }: Database, clock: Clock, log: Log): void {
  rollUps.run(
    () => clock.epochMs(),
    (error) => log.warn({ error: error.message }, 'the ledger was not rolled up'),
  );
}
