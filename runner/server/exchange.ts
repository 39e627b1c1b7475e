import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  COMBO_HEADER,
  LEGACY_FUNCTIONS_HEADER,
  REPORT_HEADER,
  REQUEST_ID_HEADER,
  SERVICE_TIER_HEADER,
} from '../protocol/report.ts';
import { errorJson, type Failure, statusOf } from './failure.ts';
import type { Reports } from './reports.ts';
import { reportHeader, type Tally } from './usage.ts';

/** One HTTP request and its answer, as the endpoints see them. */
export interface Exchange {
  response: ServerResponse;
  /** Part of the answer's id. */
  requestId: string;
  /** The combo's pool key, when the gateway names it. */
  comboKey: string | undefined;
  wantsReport: boolean;
  /** Where the report goes that its gateway may ask for later; null: it wants none. */
  reports: Reports | null;
  /** The client speaks the deprecated `functions`. */
  legacyFunctions: boolean;
  /** What the answer is to tell as `service_tier`. */
  serviceTier: 'default' | 'flex' | null;
  createdAtEpochS: number;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

export function exchangeOf(request: IncomingMessage, response: ServerResponse, reports: Reports): Exchange {
  const { headers } = request;
  const id = headers[REQUEST_ID_HEADER];
  const wantsReport = headers[REPORT_HEADER] === '1';
  return {
    response,
    requestId: typeof id === 'string' && REQUEST_ID.test(id) ? id : randomBytes(12).toString('hex'),
    comboKey: lastOf(headers[COMBO_HEADER]),
    wantsReport,
    reports: wantsReport ? reports : null,
    legacyFunctions: headers[LEGACY_FUNCTIONS_HEADER] !== undefined,
    serviceTier: serviceTierOf(headers[SERVICE_TIER_HEADER]),
    createdAtEpochS: Math.floor(Date.now() / 1000),
  };
}

function serviceTierOf(header: string | string[] | undefined): Exchange['serviceTier'] {
  return header === 'default' || header === 'flex' ? header : null;
}

function lastOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.at(-1) : header;
}

/** Answers with a whole JSON text. */
export function answerJson(
  response: ServerResponse,
  status: number,
  json: string,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed || response.headersSent) return;
  const body = Buffer.from(json);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    ...headers,
  });
  response.end(body);
}

/** Answers with the error envelope; what was used until then goes into the report when one is wanted. */
export function answerFailure(exchange: Exchange, failure: Failure, tally?: Tally): void {
  const headers: Record<string, string> = {};
  if (exchange.wantsReport && tally !== undefined) headers[REPORT_HEADER] = reportHeader(tally, failure);
  // What is left of a refused body would be read as the next request.
  if (failure.code === 'body_too_large' || failure.code === 'runner_draining') headers.connection = 'close';
  answerJson(exchange.response, statusOf(failure), errorJson(failure), headers);
}
