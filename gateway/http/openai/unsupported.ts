import { type Failure, fail } from '../../domain/errors.ts';

/** Fields of OpenAI's that change the output and cannot be honoured, with the values that ask for nothing. */
type NoOp = (value: unknown) => boolean;
export type Unsupported = Readonly<Record<string, NoOp>>;

const nothing: NoOp = (value) => value === undefined || value === null;

export const CHAT_UNSUPPORTED: Unsupported = {
  modalities: (value) => nothing(value) || (Array.isArray(value) && value.every((each) => each === 'text')),
  audio: nothing,
  web_search_options: nothing,
  best_of: (value) => nothing(value) || value === 1,
  suffix: (value) => nothing(value) || value === '',
};

export const COMPLETION_UNSUPPORTED: Unsupported = {
  suffix: (value) => nothing(value) || value === '',
};

/** The first field that would change the output and cannot be honoured. */
export function unsupportedIn(body: Readonly<Record<string, unknown>>, table: Unsupported): Failure | null {
  for (const [name, isNoOp] of Object.entries(table)) {
    if (Object.hasOwn(body, name) && !isNoOp(body[name])) return unsupported(name);
  }
  return null;
}

export function unsupported(param: string): Failure {
  return fail('unsupported_parameter', `Cannot honour \`${param}\`: not supported by this server`, param)
    .error;
}
