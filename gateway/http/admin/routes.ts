import { createRoute, z } from '@hono/zod-openapi';
import { errorEnvelopeSchema } from '../envelopeSchema.ts';
import * as keys from './keySchemas.ts';
import * as prices from './priceSchemas.ts';
import { billingQuery } from './reports/billing.ts';
import { coldVsWarmQuery } from './reports/coldVsWarm.ts';
import { evictionsQuery } from './reports/evictions.ts';
import { latencyQuery } from './reports/latency.ts';
import * as reports from './reports/schemas.ts';
import { startupQuery } from './reports/startup.ts';
import * as ledgerSchemas from './requestSchemas.ts';
import * as catalogueSchemas from './schemas.ts';

const schemas = { ...catalogueSchemas, ...ledgerSchemas };

/** The admin API's routes as data: the document is made from them, and handlers validate by the same schemas. */

type Schema = z.ZodType;
type Content = {
  'application/json': { schema: Schema };
  'text/event-stream'?: { schema: Schema };
  'text/csv'?: { schema: Schema };
};
type Responses = Record<number, { description: string; content: Content }>;

const json = (schema: Schema) => ({ 'application/json': { schema } });
const answer = (description: string, schema: Schema) => ({ description, content: json(schema) });
const listOf = (row: Schema) => z.object({ object: z.literal('list'), data: z.array(row) });

const refusals: Responses = {
  400: answer('Not a valid request', errorEnvelopeSchema),
  401: answer('Not the admin token', errorEnvelopeSchema),
  404: answer('No such thing in the catalogue', errorEnvelopeSchema),
  409: answer('In use, pinned, without room, or given by the configuration file', errorEnvelopeSchema),
};

/** A route under /admin/v1. */
function route(
  method: 'get' | 'post' | 'put' | 'patch' | 'delete',
  path: string,
  summary: string,
  responses: Responses,
  request: { body?: Schema; bodyIsOptional?: boolean; query?: z.ZodObject; param?: string } = {},
) {
  return createRoute({
    method,
    path: `/admin/v1${path}`,
    tags: ['admin'],
    summary,
    security: [{ adminToken: [] }],
    request: {
      ...(request.param ? { params: z.object({ [request.param]: z.string() }) } : {}),
      ...(request.query ? { query: request.query } : {}),
      ...(request.body ? { body: { required: !request.bodyIsOptional, content: json(request.body) } } : {}),
    },
    responses: { ...responses, ...refusals },
  });
}

/** List, get, put and delete of one kind of catalogue entry. */
function entryRoutes(kind: string, param: string, row: Schema, body: Schema) {
  const one = `/${plural(kind)}/{${param}}`;
  return [
    route('get', `/${plural(kind)}`, `List ${plural(kind)}`, { 200: answer('All of them', listOf(row)) }),
    route('get', one, `Show one ${kind}`, { 200: answer('It', row) }, { param }),
    route(
      'post',
      `/${plural(kind)}`,
      `Add or replace a ${kind}`,
      { 200: answer('Replaced', row), 201: answer('Added', row) },
      { body },
    ),
    route('delete', one, `Remove a ${kind}`, { 200: answer('Removed', schemas.deletedRow) }, { param }),
  ];
}

/** A report as rows, or as a table. */
function report(name: string, summary: string, row: Schema, query: z.ZodObject) {
  const content = { ...json(listOf(row)), 'text/csv': { schema: z.string() } };
  return route('get', `/reports/${name}`, summary, { 200: { description: 'Its rows', content } }, { query });
}

export const ADMIN_ROUTES = [
  ...entryRoutes('model', 'id', schemas.modelRow, schemas.modelBody),
  ...entryRoutes('adapter', 'id', schemas.adapterRow, schemas.adapterBody),
  ...entryRoutes('alias', 'name', schemas.aliasRow, schemas.aliasBody),
  route(
    'get',
    '/keys',
    'List API keys',
    { 200: answer('All of them', listOf(keys.keyRow)) },
    { query: keys.keysQuery },
  ),
  route(
    'post',
    '/keys',
    'Make an API key',
    { 201: answer('Made; the only time that the secret is told', keys.madeKeyRow) },
    { body: keys.keyBody },
  ),
  route('get', '/keys/{id}', 'Show an API key', { 200: answer('It', keys.keyRow) }, { param: 'id' }),
  route(
    'patch',
    '/keys/{id}',
    'Change, disable or enable an API key; what is not named stays',
    { 200: answer('Changed', keys.keyRow) },
    { param: 'id', body: keys.keyChanges },
  ),
  route(
    'post',
    '/keys/{id}/rotate',
    'Give an API key a new secret',
    { 200: answer('The new secret, told this once', keys.madeKeyRow) },
    { param: 'id', body: keys.rotateBody, bodyIsOptional: true },
  ),
  route(
    'delete',
    '/keys/{id}',
    'Disable an API key for ever',
    { 200: answer('Deleted', schemas.deletedRow) },
    { param: 'id' },
  ),
  route('get', '/runners', 'List living runner processes', {
    200: answer('All of them', listOf(schemas.runnerRow)),
  }),
  route(
    'post',
    '/runners/{id}/drain',
    'No new work for a runner; it ends when what runs has ended, or its time is over',
    { 200: answer('It drains or ends', schemas.drainedRow) },
    { param: 'id' },
  ),
  route(
    'post',
    '/runners/{id}/sleep',
    'Have an idle runner give back its base and stay, so that it can be woken',
    { 200: answer('It sleeps, or falls asleep', schemas.restedRow) },
    { param: 'id' },
  ),
  route(
    'post',
    '/runners/{id}/wake',
    'Have a runner that sleeps load its base again',
    { 200: answer('It loads, or is awake', schemas.restedRow) },
    { param: 'id' },
  ),
  route('get', '/standbys', 'List living runner processes that hold no base', {
    200: answer('All of them', listOf(schemas.runnerRow)),
  }),
  route('get', '/segments', 'List what is in the weight store, or on its way', {
    200: answer('All of them', listOf(schemas.segmentRow)),
  }),
  route('get', '/combos', 'List combos that are known, and what keeps them from starting', {
    200: answer('All of them', listOf(schemas.comboRow)),
  }),
  route(
    'delete',
    '/quarantines/{combo}',
    'Let a combo that failed to start be started again at once',
    { 200: answer('It may start', schemas.liftedRow) },
    { param: 'combo' },
  ),
  route(
    'post',
    '/combos/{combo}/warm',
    'Make a combo ready and wait for it',
    { 200: answer('It is ready', schemas.warmedRow) },
    { param: 'combo' },
  ),
  route(
    'post',
    '/combos/{combo}/evict',
    'Let a combo go',
    { 200: answer('It is gone', schemas.evictedRow) },
    { param: 'combo' },
  ),
  route('get', '/pins', 'List orders to keep combos, those of the configuration too', {
    200: answer('All of them', listOf(schemas.pinRow)),
  }),
  route('get', '/pins/{combo}', 'Show one pin', { 200: answer('It', schemas.pinRow) }, { param: 'combo' }),
  route(
    'put',
    '/pins/{combo}',
    'Keep a combo at a level; 409 with the arithmetic when it cannot be kept together with the others',
    { 200: answer('It is pinned', schemas.pinRow) },
    { param: 'combo', body: schemas.pinBody },
  ),
  route(
    'delete',
    '/pins/{combo}',
    'End a pin',
    { 200: answer('Ended', schemas.deletedRow) },
    { param: 'combo' },
  ),
  route(
    'get',
    '/events',
    'List what happened to the pool, the newest first; with `Accept: text/event-stream`, tell what happens from now on',
    {
      200: {
        description: 'The newest; or a stream of server-sent events, each an Event as JSON in `data`',
        content: { ...json(listOf(schemas.eventRow)), 'text/event-stream': { schema: z.string() } },
      },
    },
    { query: schemas.eventsQuery },
  ),
  route(
    'get',
    '/requests',
    'List rows of the ledger, the newest arrivals first',
    { 200: answer('One page of them', schemas.requestPage) },
    { query: schemas.requestsQuery },
  ),
  route(
    'get',
    '/requests/{id}',
    'Show all that the ledger has of one request',
    { 200: answer('It', schemas.requestAccount) },
    { param: 'id' },
  ),
  route(
    'post',
    '/requests/{id}/corrections',
    'Correct what a request has used; its row stays as it is, and the correction is a row of its own',
    { 201: answer('It is in the ledger', schemas.correctionRow) },
    { param: 'id', body: schemas.correctionBody },
  ),
  report('latency', 'Report times of requests', reports.latencyRow, latencyQuery),
  report(
    'cold_vs_warm',
    'Report times of requests by how they found their combo, side by side',
    reports.coldVsWarmRow,
    coldVsWarmQuery,
  ),
  report('startup', 'Report where the seconds of starts go', reports.startupRow, startupQuery),
  report('billing', 'Report what was used, and what it cost', reports.billingRow, billingQuery),
  report(
    'evictions',
    'Report what gave way most, and what it took to get it back',
    reports.evictionsRow,
    evictionsQuery,
  ),
  route('get', '/prices', 'List all versions of the price book, the newest first', {
    200: answer('All of them', listOf(prices.priceRow)),
  }),
  route(
    'get',
    '/prices/{version}',
    'Show one version of the price book, or the one in force by "current"',
    { 200: answer('It', prices.priceRow) },
    { param: 'version' },
  ),
  route(
    'post',
    '/prices',
    'Put a price book in force, for requests that come from now on',
    { 200: answer('It is in force already', prices.priceRow), 201: answer('A new version', prices.priceRow) },
    { body: prices.priceBody },
  ),
  route(
    'get',
    '/ledger/check',
    'Compute every amount of a time span anew from the rows and their prices',
    { 200: answer('What was found', prices.ledgerCheck) },
    { query: prices.checkQuery },
  ),
  route('post', '/reload', 'Read the configuration file again', {
    200: answer('It was read', z.object({ object: z.literal('catalogue'), reloaded: z.literal(true) })),
  }),
];

function plural(kind: string): string {
  return kind.endsWith('s') ? `${kind}es` : `${kind}s`;
}
