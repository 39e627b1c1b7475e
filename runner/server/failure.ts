import type { RejectCode } from '../../native/addonTypes.ts';

/** Everything that a request to the runner can fail with. */
export type FailureCode =
  | RejectCode
  | 'invalid_json'
  | 'invalid_value'
  | 'body_too_large'
  | 'unknown_route'
  | 'model_not_loaded'
  | 'runner_draining'
  | 'internal_error';

/** A failed request, as the client is told. The message is in house grammar and holds no content of a prompt. */
export interface Failure {
  code: FailureCode;
  message: string;
  /** The field of the body that is to blame, as `messages[0].content`. */
  param: string | null;
}

const INVALID = 'invalid_request_error';
const SERVER = 'server_error';

const TABLE: Record<FailureCode, { status: number; type: string; param?: string }> = {
  invalid_json: { status: 400, type: INVALID },
  invalid_value: { status: 400, type: INVALID },
  body_too_large: { status: 413, type: INVALID },
  unknown_route: { status: 404, type: INVALID },
  combo_not_attached: { status: 404, type: INVALID, param: 'model' },
  context_length_exceeded: { status: 400, type: INVALID, param: 'messages' },
  tools_unsupported: { status: 400, type: INVALID, param: 'tools' },
  chat_template_failed: { status: 400, type: INVALID, param: 'messages' },
  invalid_json_schema: { status: 400, type: INVALID, param: 'response_format' },
  invalid_prompt: { status: 400, type: INVALID, param: 'messages' },
  invalid_logit_bias: { status: 400, type: INVALID, param: 'logit_bias' },
  model_not_loaded: { status: 503, type: SERVER },
  runner_draining: { status: 503, type: SERVER },
  engine_failed: { status: 500, type: SERVER },
  internal_error: { status: 500, type: SERVER },
};

export function statusOf(failure: Failure): number {
  return TABLE[failure.code].status;
}

/** The field that a rejection by the engine is about, where its code tells. `prompt` names the prompt's own field. */
export function failureOfRejection(code: RejectCode, message: string, promptParam: string): Failure {
  const param = TABLE[code].param ?? null;
  return { code, message, param: param === 'messages' ? promptParam : param };
}

/** OpenAI's error envelope as JSON. */
export function errorJson(failure: Failure): string {
  const { code, message, param } = failure;
  return JSON.stringify({ error: { message, type: TABLE[code].type, param, code } });
}

/** A parse or a check: its value, or why the request is refused. */
export type Checked<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export function refuse(
  code: FailureCode,
  message: string,
  param: string | null = null,
): { ok: false; failure: Failure } {
  return { ok: false, failure: { code, message, param } };
}
