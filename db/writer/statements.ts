import type Sqlite from 'better-sqlite3';
import { eq, sql } from 'drizzle-orm';
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3';
import { rowFromKey } from '../keyRows.ts';
import { rowFromRecord } from '../requestRows.ts';
import { prepareWritePackStep } from '../rollups/writePackStep.ts';
import { prepareWriteStep } from '../rollups/writeStep.ts';
import {
  adapters,
  aliases,
  apiKeys,
  combos,
  events,
  models,
  pins,
  priceVersions,
  requests,
  runners,
  sourceFacts,
} from '../schema.ts';
import { prepareWriteSlos } from '../slo/writeStep.ts';
import type { WriteCommand } from './commands.ts';
import { insertInto, upsert } from './inserts.ts';
import { prepareLedger } from './ledgerStatements.ts';
import { prepareRemoval } from './removal.ts';

/** Carries out one command inside whatever transaction is open. Throws what SQLite throws. */
export type ApplyCommand = (command: WriteCommand) => void;

/** Prepares every statement once; a command is then a bind and a step. `db` is drizzle's face of `sqlite`. */
export function prepareStatements(db: BetterSQLite3Database, sqlite: Sqlite.Database): ApplyCommand {
  const appendRequest = insertInto(db, requests).onConflictDoNothing().prepare();
  const appendEvent = insertInto(db, events, ['eventId']).prepare();
  const seeCombo = insertInto(db, combos).onConflictDoNothing().prepare();
  const spawned = upsert(db, runners, runners.runnerId).prepare();
  const exited = db
    .update(runners)
    .set({
      exitedAtEpochMs: sql`${sql.placeholder('atEpochMs')}`,
      exitReason: sql`${sql.placeholder('reason')}`,
    })
    .where(sql`${runners.runnerId} = ${sql.placeholder('runnerId')} and ${runners.exitedAtEpochMs} is null`)
    .prepare();
  const ledger = prepareLedger(db);
  const writeStep = prepareWriteStep(sqlite);
  const writePackStep = prepareWritePackStep(sqlite);
  const writeSlos = prepareWriteSlos(sqlite);
  const removeRequests = prepareRemoval(sqlite);
  const putModel = upsert(db, models, models.id).prepare();
  const putAdapter = upsert(db, adapters, adapters.id).prepare();
  const putAlias = upsert(db, aliases, aliases.name).prepare();
  const deleteModel = db
    .delete(models)
    .where(eq(models.id, sql.placeholder('id')))
    .prepare();
  const deleteAdapter = db
    .delete(adapters)
    .where(eq(adapters.id, sql.placeholder('id')))
    .prepare();
  const deleteAlias = db
    .delete(aliases)
    .where(eq(aliases.name, sql.placeholder('name')))
    .prepare();

  const putSourceFacts = upsert(db, sourceFacts, sourceFacts.path).prepare();
  const deleteSourceFacts = db
    .delete(sourceFacts)
    .where(eq(sourceFacts.path, sql.placeholder('path')))
    .prepare();
  const putKey = upsert(db, apiKeys, apiKeys.keyId).prepare();
  const addPrices = insertInto(db, priceVersions).prepare();
  const putPin = upsert(db, pins, pins.combo).prepare();
  const deletePin = db
    .delete(pins)
    .where(eq(pins.combo, sql.placeholder('combo')))
    .prepare();

  return (command) => {
    switch (command.kind) {
      case 'appendRequest':
        return void appendRequest.run({ ...rowFromRecord(command.record) });
      case 'openRequest':
      case 'openAttempt':
      case 'creditAttempts':
      case 'correct':
      case 'gatewayBegan':
        return ledger(command);
      case 'countSlos':
        return writeSlos(command.step);
      case 'removeRequests':
        return removeRequests(command.requestIds);
      case 'rollUp':
        return writeStep(command.packed);
      case 'packRollUps':
        return writePackStep(command.packed);
      case 'appendEvent':
        return void appendEvent.run({ ...command.event });
      case 'seeCombo':
        return void seeCombo.run({ ...command.row, adaptersJson: JSON.stringify(command.row.adapters) });
      case 'runnerSpawned':
        return void spawned.run({ ...command.row, exitedAtEpochMs: null, exitReason: null });
      case 'runnerExited':
        return void exited.run({ ...command });
      case 'putModel':
        return void putModel.run({ ...command.model, digest: command.model.digest ?? null });
      case 'putAdapter':
        return void putAdapter.run({
          ...command.adapter,
          baseId: command.adapter.base,
          digest: command.adapter.digest ?? null,
        });
      case 'putAlias':
        return void putAlias.run({ ...command.alias });
      case 'deleteModel':
        return void deleteModel.run({ id: command.id });
      case 'deleteAdapter':
        return void deleteAdapter.run({ id: command.id });
      case 'deleteAlias':
        return void deleteAlias.run({ name: command.name });
      case 'putSourceFacts':
        return void putSourceFacts.run({
          path: command.facts.path,
          factsJson: JSON.stringify(command.facts),
        });
      case 'deleteSourceFacts':
        return void deleteSourceFacts.run({ path: command.path });
      case 'putKey':
        return void putKey.run({ ...rowFromKey(command.key) });
      case 'addPrices': {
        const { book, ...row } = command.version;
        return void addPrices.run({ ...row, bookJson: JSON.stringify(book) });
      }
      case 'putPin':
        return void putPin.run({ ...command.row });
      case 'deletePin':
        return void deletePin.run({ combo: command.combo });
    }
  };
}
