import { do_not_optimize, measure } from 'mitata';
import { ALL_SCOPES } from '../gateway/domain/apiKey.ts';
import { requestId } from '../gateway/domain/ids.ts';
import type { Ask } from '../gateway/shell/keys/keyAccess.ts';
import { FakeCatalogue } from '../test/http/fakes.ts';
import { keyWorld } from '../test/keys/keyWorld.ts';

/** What an API key costs each request at the door: finding it, and its limits and budget. */
const MANY = 1e12;
const limits = { requestsPerMinute: MANY, tokensPerMinute: MANY, concurrentRequests: MANY };
const budget = { period: 'month', softMicroUsd: null, hardMicroUsd: MANY } as const;
const terms = { name: 'k', scopes: ALL_SCOPES, limits, budget, tags: {}, weight: 1, expiresAtEpochMs: null };

async function micros(run: () => unknown): Promise<string> {
  const { p50, p99 } = await measure(() => do_not_optimize(run()), { min_cpu_time: 0.2e9 });
  return `${(p50 / 1000).toFixed(1)} / ${(p99 / 1000).toFixed(1)}`;
}

console.log('| keys | valid | unknown | of a known prefix | limits and budget | (us, p50 / p99)');
console.log('|---|---|---|---|---|');
for (const count of [1, 100, 10_000]) {
  const { book, access, clock } = keyWorld(new FakeCatalogue());
  let made = await book.create(terms);
  for (let more = 1; more < count; more += 1) made = await book.create(terms);
  if (!made.ok) throw new Error(made.error.message);
  const { key, secret } = made.value;
  let asked = 0;
  const admit = (): void => {
    asked += 1;
    const ask: Ask = {
      requestId: requestId(`r${asked}`),
      arrivedAtEpochMs: clock.nowEpochMs,
      tokens: 1,
      reservedMicroUsd: 2,
    };
    access.admit(key, ask);
    access.over(ask.requestId);
  };
  const cells = [
    await micros(() => access.authenticate(secret)),
    await micros(() => access.authenticate('hk_nobody')),
    await micros(() => access.authenticate(`${secret.slice(0, 12)}nobody`)),
    await micros(admit),
  ];
  console.log(`| ${count} | ${cells.join(' | ')} |`);
}
