import type { InferenceRequest } from './inference.ts';

/** Deadlines of requests that bring none, in milliseconds from the arrival; null: none. */
export interface DeadlineDefaults {
  readonly deadlineMs: number | null;
  readonly flexDeadlineMs: number | null;
}

/** The deadline that holds for a request: its own, else the configured one of its tier. */
export function deadlineOf(
  { deadlineMs, serviceTier }: Pick<InferenceRequest, 'deadlineMs' | 'serviceTier'>,
  defaults: DeadlineDefaults,
): number | null {
  return deadlineMs ?? (serviceTier === 'flex' ? defaults.flexDeadlineMs : defaults.deadlineMs);
}
