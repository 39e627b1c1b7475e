import type { ApiKey } from '../gateway/domain/apiKey.ts';
import { keyId } from '../gateway/domain/ids.ts';
import { parseKeyTerms } from './reader/jsonColumns.ts';
import type { apiKeys } from './schema.ts';

export function rowFromKey(key: ApiKey): typeof apiKeys.$inferSelect {
  const { scopes, limits, budget, tags } = key;
  return {
    keyId: key.id,
    name: key.name,
    prefix: key.secret.prefix,
    hash: key.secret.hash,
    previousPrefix: key.previous?.prefix ?? null,
    previousHash: key.previous?.hash ?? null,
    previousUntilEpochMs: key.previous?.untilEpochMs ?? null,
    termsJson: JSON.stringify({ scopes, limits, budget, tags }),
    weight: key.weight,
    createdAtEpochMs: key.createdAtEpochMs,
    rotatedAtEpochMs: key.rotatedAtEpochMs,
    expiresAtEpochMs: key.expiresAtEpochMs,
    disabledAtEpochMs: key.disabledAtEpochMs,
    deletedAtEpochMs: key.deletedAtEpochMs,
  };
}

/** Throws where what the key may do cannot be read. */
export function keyFromRow(row: typeof apiKeys.$inferSelect): ApiKey {
  const {
    keyId: id,
    prefix,
    hash,
    previousPrefix,
    previousHash,
    previousUntilEpochMs,
    termsJson,
    ...rest
  } = row;
  const hasPrevious = previousPrefix !== null && previousHash !== null && previousUntilEpochMs !== null;
  return {
    ...rest,
    ...parseKeyTerms(id, termsJson),
    id: keyId(id),
    secret: { prefix, hash },
    previous: hasPrevious
      ? { prefix: previousPrefix, hash: previousHash, untilEpochMs: previousUntilEpochMs }
      : null,
  };
}
