import type { ApiKey } from '../../../domain/apiKey.ts';
import type { RequestRecord } from '../../../domain/requestRecord.ts';
import type { SpendRow } from '../data.ts';
import { groupBy } from './groupBy.ts';

/** What was used by key and base model, the dearest first. */
export function spendRows(records: readonly RequestRecord[], keys: readonly ApiKey[]): SpendRow[] {
  const names = new Map(keys.map(({ id, name }) => [id as string, name]));
  const groups = groupBy(
    records.filter((one) => one.base !== null),
    ({ keyId, base }) => JSON.stringify([keyId, base]),
  );
  return [...groups.values()]
    .map((all) => rowOf(all, names))
    .toSorted((a, b) => b.costMicroUsd - a.costMicroUsd || b.requests - a.requests);
}

function rowOf(all: readonly RequestRecord[], names: ReadonlyMap<string, string>): SpendRow {
  const sum = (value: (record: RequestRecord) => number): number =>
    all.reduce((total, record) => total + value(record), 0);
  const keyId = all[0]?.keyId ?? null;
  return {
    key: keyId === null ? null : ({ id: keyId, name: names.get(keyId) ?? keyId } as SpendRow['key']),
    model: all[0]?.base ?? '',
    requests: all.length,
    inputTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    outputTokens: sum(({ completionTokens }) => completionTokens),
    costMicroUsd: sum(({ cost }) => cost.totalMicroUsd),
  };
}
