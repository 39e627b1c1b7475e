import type { IncomingMessage, ServerResponse } from 'node:http';
import { readCounters } from '../engine/counters.ts';
import type { Engine } from '../engine/engine.ts';
import { readBody } from './body.ts';
import { serveChat, serveCompletion } from './completions.ts';
import { serveEmbeddings } from './embeddings.ts';
import { answerFailure, answerJson, type Exchange, exchangeOf } from './exchange.ts';
import type { Failure } from './failure.ts';
import type { Reports } from './reports.ts';

type Post = (engine: Engine, exchange: Exchange, text: string) => void | Promise<void>;

const POSTS: Record<string, Post> = {
  'POST /v1/chat/completions': serveChat,
  'POST /v1/completions': serveCompletion,
  'POST /v1/embeddings': serveEmbeddings,
};

const GETS: Record<string, (engine: Engine) => string> = {
  'GET /health': (engine) => JSON.stringify({ status: 'ok', loaded: engine.base !== null }),
  'GET /v1/models': modelsJson,
  'GET /counters': (engine) => JSON.stringify(readCounters(engine)),
};

/** What follows is a request's id. */
const REPORTS = 'GET /reports/';

/** Answers one HTTP request. Exactly one answer goes out, unless its client is gone. */
export function route(
  engine: Engine,
  reports: Reports,
  isDraining: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const exchange = exchangeOf(request, response, reports);
  response.on('error', () => {});
  request.on('error', () => {});
  const key = `${request.method} ${(request.url ?? '').split('?', 1)[0]}`;
  const get = GETS[key];
  if (get !== undefined) return answerJson(response, 200, get(engine));
  if (key.startsWith(REPORTS)) return void tellReport(exchange, reports, key.slice(REPORTS.length));
  const post = POSTS[key];
  if (post === undefined) return answerFailure(exchange, unknownRoute());
  if (isDraining) return answerFailure(exchange, draining());
  readBody(request, (body) => {
    if (!body.ok) return answerFailure(exchange, body.failure);
    try {
      const served = post(engine, exchange, body.value);
      if (served instanceof Promise) served.catch(() => answerFailure(exchange, internalError()));
    } catch {
      // A thrown error may quote its input, so only its existence is told.
      answerFailure(exchange, internalError());
    }
  });
}

/** When the request has ended, however long that takes: who asks knows how long to wait. */
async function tellReport(exchange: Exchange, reports: Reports, id: string): Promise<void> {
  const report = await reports.of(id);
  if (report === null) answerFailure(exchange, unknownRoute());
  else answerJson(exchange.response, 200, report);
}

function modelsJson(engine: Engine): string {
  const { base } = engine;
  if (base === null) return JSON.stringify({ object: 'list', data: [] });
  const row = (id: string, parent: string | null) => ({
    id,
    object: 'model',
    created: 0,
    owned_by: 'hearth',
    root: base.modelId,
    parent,
  });
  const combos = [...engine.combos].filter((combo) => combo !== base.modelId);
  return JSON.stringify({
    object: 'list',
    data: [row(base.modelId, null), ...combos.map((combo) => row(combo, base.modelId))],
  });
}

function unknownRoute(): Failure {
  return { code: 'unknown_route', message: 'Cannot serve the request: no such method and path', param: null };
}

function draining(): Failure {
  return {
    code: 'runner_draining',
    message: 'Cannot take the request: the runner is shutting down',
    param: null,
  };
}

function internalError(): Failure {
  return { code: 'internal_error', message: 'Cannot serve the request: the runner failed', param: null };
}
