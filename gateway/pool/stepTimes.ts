import type { CatalogueModel } from '../domain/catalogue.ts';
import type { Combo } from '../domain/combo.ts';
import { type DurationBook, medianMs, noteDuration } from './durations.ts';
import { baseKey, type PoolState } from './state.ts';

/** One step of a start, as it is measured and predicted. */
export type StartStep =
  | { readonly step: 'spawn' }
  | { readonly step: 'load'; readonly model: CatalogueModel }
  | { readonly step: 'attach'; readonly combo: Combo };

export interface StepTimes {
  readonly times: DurationBook;
  /** Starts under way that were told to be slow. */
  readonly slow: Set<string>;
}

/** What nobody here has measured yet: so much, and its bytes at 1 GB/s. */
const UNMEASURED_MS = 500;
const UNMEASURED_BYTES_PER_MS = 1e6;

export function noteStep({ stepTimes }: PoolState, step: StartStep, tookMs: number): void {
  noteDuration(stepTimes.times, timesKey(step), tookMs);
}

/** The median of what such steps took, else what their bytes take at a common rate. */
export function predictStepMs({ stepTimes }: PoolState, step: StartStep): number {
  return medianMs(stepTimes.times, timesKey(step)) ?? UNMEASURED_MS + bytesOf(step) / UNMEASURED_BYTES_PER_MS;
}

/** Combos are client-made: attaches are measured by base, so that the book stays as small as the catalogue. */
function timesKey(step: StartStep): string {
  if (step.step === 'spawn') return step.step;
  return `${step.step} ${baseKey(step.step === 'load' ? step.model : step.combo.model)}`;
}

function bytesOf(step: StartStep): number {
  if (step.step === 'spawn') return 0;
  if (step.step === 'load') return step.model.weightBytes;
  return step.combo.adapters.reduce((bytes, { adapter }) => bytes + adapter.weightBytes, 0);
}
