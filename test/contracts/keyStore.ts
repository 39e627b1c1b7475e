import { describe, expect, test } from 'vitest';
import { ALL_SCOPES, type ApiKey, NO_LIMITS } from '../../gateway/domain/apiKey.ts';
import { keyId } from '../../gateway/domain/ids.ts';
import type { KeyStore } from '../../gateway/ports/keyStore.ts';

export function apiKey(id: string, changes: Partial<ApiKey> = {}): ApiKey {
  return {
    id: keyId(id),
    name: 'search team',
    secret: { prefix: 'hk_abcdef', hash: 'aGFzaA' },
    previous: null,
    scopes: ALL_SCOPES,
    limits: NO_LIMITS,
    budget: null,
    tags: {},
    weight: 1,
    createdAtEpochMs: 1,
    rotatedAtEpochMs: null,
    expiresAtEpochMs: null,
    disabledAtEpochMs: null,
    deletedAtEpochMs: null,
    ...changes,
  };
}

const FULL = apiKey('key_full', {
  previous: { prefix: 'hk_before', hash: 'b2xk', untilEpochMs: 9 },
  scopes: { models: ['a', 'b+x'], adapters: [], endpoints: ['chat_completions'] },
  limits: { requestsPerMinute: 60, tokensPerMinute: 10_000, concurrentRequests: 2 },
  budget: { period: 'month', softMicroUsd: 8_000_000, hardMicroUsd: 10_000_000 },
  tags: { team: 'search' },
  weight: 2.5,
  createdAtEpochMs: 2,
  rotatedAtEpochMs: 3,
  expiresAtEpochMs: 4,
  disabledAtEpochMs: 5,
  deletedAtEpochMs: 6,
});

export function describeKeyStore(name: string, make: () => Promise<KeyStore>): void {
  describe(`${name} as a KeyStore`, () => {
    test('load() gives all of what was put, the oldest first', async () => {
      const store = await make();
      await store.put(FULL);
      await store.put(apiKey('key_plain'));
      expect(await store.load()).toEqual([apiKey('key_plain'), FULL]);
    });

    test('put() of the same id takes all the new values', async () => {
      const store = await make();
      await store.put(FULL);
      await store.put(apiKey('key_full', { name: 'renamed' }));
      expect(await store.load()).toEqual([apiKey('key_full', { name: 'renamed' })]);
    });
  });
}
