import type { Failure } from '../domain/errors.ts';
import type { RunnerId } from '../domain/ids.ts';
import type { RunnerAnswer } from './runnerAnswer.ts';

/** What cannot be given to a client as an answer. */
export type BadAnswer = Extract<RunnerAnswer, { type: 'lost' | 'nonsense' }>;

export function isBad(answer: RunnerAnswer): answer is BadAnswer {
  return answer.type === 'lost' || answer.type === 'nonsense';
}

/** A runner that does not take a request is no runner, nor is one that talks nonsense. One that died tells so itself. */
export function showsBadRunner({ type, begun, error }: BadAnswer): boolean {
  return type === 'nonsense' || (!begun && !isOurLack(error));
}

/** How a client is told of it. */
export function badAnswerFailure(runnerId: RunnerId, { type, error }: BadAnswer): Failure {
  if (type === 'nonsense')
    return { code: 'runner_failed', message: `Cannot use answer of runner "${runnerId}": ${error.message}` };
  if (isOurLack(error))
    return { code: 'no_capacity', message: `Cannot connect to runner "${runnerId}": ${error.message}` };
  return { code: 'runner_died', message: `Cannot finish answer of runner "${runnerId}": ${error.message}` };
}

/** Errors of connect(2) and socket(2) that say nothing of the other end. */
const OUR_LACKS = new Set<unknown>(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOBUFS', 'ENOMEM']);

function isOurLack(error: Error): boolean {
  return 'code' in error && OUR_LACKS.has(error.code);
}
