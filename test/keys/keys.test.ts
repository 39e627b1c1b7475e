import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { ALL_SCOPES, NO_LIMITS } from '../../gateway/domain/apiKey.ts';
import { NO_COST } from '../../gateway/domain/cost.ts';
import { modelId, requestId } from '../../gateway/domain/ids.ts';
import type { Ask } from '../../gateway/shell/keys/keyAccess.ts';
import type { KeyTerms, MadeKey } from '../../gateway/shell/keys/keyControl.ts';
import { KeySecrets } from '../../gateway/shell/keys/keySecrets.ts';
import { requestRecord } from '../fakes/records.ts';
import { FakeCatalogue, fakeModel } from '../http/fakes.ts';
import { type KeyWorld, keyWorld } from './keyWorld.ts';

const ROOT = join(import.meta.dirname, '../..');
const TERMS: KeyTerms = {
  name: 'k',
  scopes: ALL_SCOPES,
  limits: NO_LIMITS,
  budget: null,
  tags: {},
  weight: 1,
  expiresAtEpochMs: null,
};

let catalogue: FakeCatalogue;
let world: KeyWorld;
beforeEach(() => {
  catalogue = new FakeCatalogue();
  catalogue.models.set(modelId('m'), fakeModel({ id: 'm', path: '/m' }));
  world = keyWorld(catalogue);
});

async function make(terms: Partial<KeyTerms> = {}): Promise<MadeKey> {
  const made = await world.book.create({ ...TERMS, ...terms });
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}

const codeOf = (credential: string | null): string | null => {
  const found = world.access.authenticate(credential);
  return found.ok ? (found.value?.id ?? null) : found.error.code;
};

describe('KeySecrets', () => {
  const secrets = new KeySecrets('one');

  test('make() gives 32 random bytes behind hk_', () => {
    const made = [secrets.make(), secrets.make()];
    for (const secret of made) {
      expect(secret).toMatch(/^hk_[\w-]{43}$/);
      expect(Buffer.from(secret.slice(3), 'base64url')).toHaveLength(32);
    }
    expect(made[0]).not.toBe(made[1]);
  });

  test('matches() the secret alone, and only under the same hash key', () => {
    const secret = secrets.make();
    const kept = secrets.keep(secret);
    expect(secrets.matches(secret, kept)).toBe(true);
    expect(secrets.matches(`${secret.slice(0, -2)}__`, kept)).toBe(false);
    expect(new KeySecrets('two').matches(secret, kept)).toBe(false);
    expect(secrets.matches(secret, { ...kept, hash: '' })).toBe(false);
    expect(JSON.stringify(kept)).not.toContain(secret.slice(10));
  });

  test('matches() by timingSafeEqual, and nothing else in the gateway looks at hashes of keys', () => {
    const folder = join(ROOT, 'gateway/shell/keys');
    const source = readFileSync(join(folder, 'keySecrets.ts'), 'utf8');
    // But for the lengths, which are no secret.
    const comparisons = source.match(
      /^.*(?:[=!]==|\.(?:equals|compare|localeCompare|includes|startsWith)\().*$/gm,
    );
    expect(comparisons?.map((line) => line.trim())).toEqual([
      'return expected.length === given.length && timingSafeEqual(given, expected);',
    ]);
    for (const path of readdirSync(join(ROOT, 'gateway'), { recursive: true, encoding: 'utf8' })) {
      if (!/(?:access|shell\/keys|http\/admin\/keys|http\/keyAuth).*\.ts$/.test(path)) continue;
      if (path.endsWith('keySecrets.ts')) continue;
      expect([path, /\bhash\b/.test(readFileSync(join(ROOT, 'gateway', path), 'utf8'))]).toEqual([
        path,
        false,
      ]);
    }
  });
});

describe('authenticate()', () => {
  test('takes any credential, and none, while no key exists', () => {
    expect([codeOf(null), codeOf('whatever')]).toEqual([null, null]);
  });

  test('takes nothing without a key where nobody anonymous is served', () => {
    world = keyWorld(catalogue, false);
    expect([codeOf(null), codeOf('whatever')]).toEqual(['invalid_api_key', 'invalid_api_key']);
  });

  test('wants a valid key from the first one on, and quotes none', async () => {
    const { key, secret } = await make();
    expect(codeOf(secret)).toBe(key.id);
    expect(codeOf(null)).toBe('invalid_api_key');
    for (const wrong of [`${secret}x`, secret.slice(0, -1), `${secret.slice(0, 12)}wrong`, key.secret.hash]) {
      const found = world.access.authenticate(wrong);
      expect(found).toMatchObject({ ok: false, error: { code: 'invalid_api_key' } });
      expect(JSON.stringify(found)).not.toContain(wrong.slice(3));
    }
  });

  test('tells the expired and the disabled from the unknown', async () => {
    const { key, secret } = await make({ expiresAtEpochMs: world.clock.nowEpochMs + 1000 });
    world.pass(999);
    expect(codeOf(secret)).toBe(key.id);
    world.pass(1);
    expect(codeOf(secret)).toBe('expired_api_key');
    await world.book.change(key.id, { disabled: true });
    expect(codeOf(secret)).toBe('disabled_api_key');
    await world.book.change(key.id, { disabled: false, expiresAtEpochMs: null });
    expect(codeOf(secret)).toBe(key.id);
  });

  test('opens to everybody again on loopback when the last key is deleted, and nowhere else', async () => {
    for (const servesAnonymous of [true, false]) {
      world = keyWorld(catalogue, servesAnonymous);
      const { key, secret } = await make();
      await world.book.change(key.id, { disabled: true });
      expect(codeOf('whatever')).toBe('invalid_api_key');
      await world.book.remove(key.id);
      expect(codeOf('whatever')).toBe(servesAnonymous ? null : 'invalid_api_key');
      expect(codeOf(secret)).toBe(servesAnonymous ? null : 'invalid_api_key');
    }
  });

  test('takes both secrets during the grace of a rotation, then the new one', async () => {
    const { key, secret } = await make();
    const rotated = await world.book.rotate(key.id, 5000);
    if (!rotated.ok) throw new Error('not rotated');
    expect([codeOf(secret), codeOf(rotated.value.secret)]).toEqual([key.id, key.id]);
    world.pass(5000);
    expect([codeOf(secret), codeOf(rotated.value.secret)]).toEqual(['invalid_api_key', key.id]);
    const again = await world.book.rotate(key.id, 0);
    expect(codeOf(rotated.value.secret)).toBe('invalid_api_key');
    expect(again.ok && codeOf(again.value.secret)).toBe(key.id);
  });
});

describe('KeyBook', () => {
  test('restores the keys of an earlier life, and no secret is stored', async () => {
    const { key, secret } = await make({ tags: { team: 'search' } });
    expect(JSON.stringify([...world.store.rows.values()])).not.toContain(secret.slice(10));
    world = keyWorld(catalogue, true, world.store);
    await world.book.restore();
    expect(codeOf(secret)).toBe(key.id);
    expect(world.book.list()).toEqual([key]);
  });

  test('changes nothing of a deleted key, whose row stays', async () => {
    const { key } = await make();
    await world.book.remove(key.id);
    for (const answer of [
      await world.book.change(key.id, { disabled: false }),
      await world.book.rotate(key.id, 0),
      await world.book.remove(key.id),
    ]) {
      expect(answer).toMatchObject({ ok: false, error: { code: 'conflict' } });
    }
    expect(world.store.rows.get(key.id)?.deletedAtEpochMs).toBe(world.clock.nowEpochMs);
    expect(await world.book.change('key_none', {})).toMatchObject({ error: { code: 'not_found' } });
  });

  test('loses none of two changes at the same time', async () => {
    const { key } = await make();
    await Promise.all([world.book.change(key.id, { name: 'new' }), world.book.change(key.id, { weight: 3 })]);
    expect(world.store.rows.get(key.id)).toMatchObject({ name: 'new', weight: 3 });
  });

  test('keeps a key as it was when the disk refuses', async () => {
    const { key, secret } = await make();
    world.store.put = () => Promise.reject(new Error('disk full'));
    expect(await world.book.change(key.id, { disabled: true })).toMatchObject({
      ok: false,
      error: { code: 'internal', message: `Cannot keep API key "${key.id}": disk full` },
    });
    expect(codeOf(secret)).toBe(key.id);
  });

  test.each([
    [{ models: ['m', 'nope'] }, 'scopes.models[1]'],
    [{ adapters: ['nope'] }, 'scopes.adapters[0]'],
  ])('refuses scopes that name nothing: %j', async (scopes, param) => {
    const made = await world.book.create({ ...TERMS, scopes: { ...ALL_SCOPES, ...scopes } });
    expect(made).toMatchObject({ ok: false, error: { code: 'model_not_found', param } });
  });
});

describe('admit()', () => {
  let asked = 0;
  const ask = (changes: Partial<Ask> = {}): Ask => ({
    requestId: requestId(`r${(asked += 1)}`),
    arrivedAtEpochMs: world.clock.nowEpochMs,
    tokens: 100,
    reservedMicroUsd: 200,
    ...changes,
  });

  test('refuses the request that is too many, and lets it in when its time has come', async () => {
    const { key } = await make({ limits: { ...NO_LIMITS, requestsPerMinute: 2 } });
    expect(world.access.admit(key, ask()).allowances.requests).toEqual({
      limit: 2,
      remaining: 1,
      resetMs: 30_000,
    });
    expect(world.access.admit(key, ask()).refusal).toBeNull();
    const { refusal, allowances } = world.access.admit(key, ask());
    expect(refusal).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 30_000 });
    expect(allowances.requests).toEqual({ limit: 2, remaining: 0, resetMs: 60_000 });
    world.pass(30_000);
    expect(world.access.admit(key, ask()).refusal).toBeNull();
  });

  test('counts requests at the same time until they end, each once', async () => {
    const { key } = await make({ limits: { ...NO_LIMITS, concurrentRequests: 2 } });
    const [first, second] = [ask(), ask()];
    for (const one of [first, second]) expect(world.access.admit(key, one).refusal).toBeNull();
    expect(world.access.admit(key, ask()).refusal).toMatchObject({ code: 'rate_limit_exceeded' });
    world.access.ended(requestRecord(first.requestId));
    world.access.over(first.requestId);
    expect(world.access.admit(key, ask()).refusal).toBeNull();
    expect(world.access.admit(key, ask()).refusal).not.toBeNull();
  });

  test('reserves tokens, and settles them with what was taken', async () => {
    const { key } = await make({ limits: { ...NO_LIMITS, tokensPerMinute: 1000 } });
    const first = ask({ tokens: 900 });
    expect(world.access.admit(key, first).allowances.tokens?.remaining).toBe(100);
    expect(world.access.admit(key, ask({ tokens: 200 })).refusal).toMatchObject({ retryAfterMs: 6000 });
    world.access.ended(requestRecord(first.requestId, { promptTokens: 30, completionTokens: 70 }));
    expect(world.access.admit(key, ask({ tokens: 200 })).allowances.tokens?.remaining).toBe(700);
    expect(world.access.admit(key, ask({ tokens: 1001 })).refusal).toMatchObject({ isPermanent: true });
  });

  test('reserves against the budget, and settles with the cost', async () => {
    const budget = { period: 'day', softMicroUsd: 300, hardMicroUsd: 500 } as const;
    const { key } = await make({ budget });
    const [first, second] = [ask(), ask()];
    expect(world.access.admit(key, first)).toMatchObject({ refusal: null, budgetWarning: null });
    const warned = world.access.admit(key, second);
    expect(warned.budgetWarning).toContain('taken_micro_usd=400');
    expect(world.access.admit(key, ask()).refusal).toMatchObject({ code: 'budget_exceeded' });
    world.access.ended(requestRecord(first.requestId, { cost: { ...NO_COST, totalMicroUsd: 30 } }));
    expect(world.access.admit(key, ask()).refusal).toBeNull();
    expect(world.spend.spent(key.id, 'day', world.clock.nowEpochMs)).toEqual({
      settledMicroUsd: 30,
      reservedMicroUsd: 400,
    });
  });

  test('gives all back of a request that ended without a record', async () => {
    const limits = { requestsPerMinute: null, tokensPerMinute: 100, concurrentRequests: 1 };
    const budget = { period: 'month', softMicroUsd: null, hardMicroUsd: 200 } as const;
    const { key } = await make({ limits, budget });
    for (const one of [ask(), ask()]) {
      expect(world.access.admit(key, one).refusal).toBeNull();
      world.access.over(one.requestId);
    }
  });

  test('takes a limit that was changed at once', async () => {
    const { key } = await make({ limits: { ...NO_LIMITS, requestsPerMinute: 1 } });
    world.access.admit(key, ask());
    expect(world.access.admit(key, ask()).refusal).not.toBeNull();
    const changed = await world.book.change(key.id, { limits: { ...NO_LIMITS, requestsPerMinute: 2 } });
    expect(changed.ok && world.access.admit(changed.value, ask()).refusal).toBeNull();
  });
});
