import type { Hono } from 'hono';
import { priceBookOf, writtenPriceBook } from '../../catalogue/priceSchema.ts';
import { fail } from '../../domain/errors.ts';
import type { PriceVersion } from '../../domain/prices.ts';
import type { HttpDeps, HttpEnv } from '../deps.ts';
import { sendFailure } from '../respond.ts';
import { readAdminBody, readQuery } from './input.ts';
import { checkQuery, type PriceRow, priceBody } from './priceSchemas.ts';

/** Prices: list, show, set; and whether the ledger's amounts are what they give. */
export function priceHandlers(app: Hono<HttpEnv>, deps: HttpDeps): void {
  const { prices } = deps;
  const rowOf = (version: PriceVersion): PriceRow => priceRowOf(version, prices.current());

  app.get('/admin/v1/prices', (c) => c.json({ object: 'list', data: prices.all().toReversed().map(rowOf) }));

  app.get('/admin/v1/prices/:version', (c) => {
    const asked = c.req.param('version');
    const found =
      asked === 'current' ? prices.current() : prices.all().find(({ version }) => String(version) === asked);
    if (found) return c.json(rowOf(found));
    const message = `Cannot find prices ${JSON.stringify(asked.slice(0, 32))}: expected "current" or the number of a version`;
    return sendFailure(c, fail('not_found', message).error);
  });

  app.post('/admin/v1/prices', async (c) => {
    const body = await readAdminBody(c, priceBody, deps.limits);
    if (!body.ok) return sendFailure(c, body.error);
    const before = prices.current().version;
    const now = await prices.set(priceBookOf(body.value), 'api');
    if (now.version === before) return c.json(rowOf(now), 200);
    const detail = { version: now.version, author: 'api' };
    deps.events.append({ atEpochMs: deps.clock.epochMs(), type: 'prices_changed', detail });
    return c.json(rowOf(now), 201);
  });

  app.get('/admin/v1/ledger/check', async (c) => {
    const query = readQuery(c, checkQuery);
    if (!query.ok) return sendFailure(c, query.error);
    const { from, to } = query.value;
    const fromEpochMs = Date.parse(from);
    const toEpochMs = to === undefined ? deps.clock.epochMs() + 1 : Date.parse(to);
    const books = Object.fromEntries(prices.all().map(({ version, book }) => [version, book]));
    const found = await deps.costs.recheck({ fromEpochMs, toEpochMs, books });
    return c.json({
      object: 'ledger_check',
      from: new Date(fromEpochMs).toISOString(),
      to: new Date(toEpochMs).toISOString(),
      requests: found.requests,
      recorded_micro_usd: found.recordedMicroUsd,
      recomputed_micro_usd: found.recomputedMicroUsd,
      differing: found.differing,
      examples: found.examples.map((one) => ({
        id: one.requestId,
        recorded_micro_usd: one.recordedMicroUsd,
        recomputed_micro_usd: one.recomputedMicroUsd,
      })),
      starts: found.starts,
      starts_differing: found.startsDiffering,
    });
  });
}

function priceRowOf(
  { version, book, author, createdAtEpochMs }: PriceVersion,
  current: PriceVersion,
): PriceRow {
  return {
    object: 'price_book',
    version,
    current: version === current.version,
    author: version === 0 ? null : author,
    created: version === 0 ? null : Math.floor(createdAtEpochMs / 1000),
    ...writtenPriceBook(book),
  };
}
