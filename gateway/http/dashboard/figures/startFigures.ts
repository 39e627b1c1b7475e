import { type Phase, type PhaseRecord, START_KINDS } from '../../../domain/phases.ts';
import type { Measure, ReportGroup } from '../../../domain/reportFigures.ts';
import type { StartGroup } from '../data.ts';

/** Parts of a start's wall time, which add up to it; what happened inside and beside them. docs/reports.md, "Starts". */
const START_PHASES = ['spawn', 'stage', 'load', 'attach', 'context'] as const satisfies readonly Phase[];
const DETAILS = ['download', 'read', 'decrypt', 'verify', 'upload'] as const satisfies readonly Measure[];

/** Of groups by start kind and tier, from the fastest kind to the slowest. */
export function startsByKind(groups: readonly ReportGroup[]): StartGroup[] {
  return startGroups(groups).toSorted(
    (a, b) => START_KINDS.indexOf(a.kind) - START_KINDS.indexOf(b.kind) || b.sumMs - a.sumMs,
  );
}

/** Of groups by base and start kind; what took the most time first. */
export function startsByBase(groups: readonly ReportGroup[]): StartGroup[] {
  return startGroups(groups).toSorted((a, b) => b.sumMs - a.sumMs);
}

function startGroups(groups: readonly ReportGroup[]): StartGroup[] {
  return groups.flatMap(({ by, counters, measures }) => {
    const kind = START_KINDS.find((known) => known === by.start_kind);
    const start = measures.start;
    if (!kind || !start) return [];
    return {
      base: textOf(by.base),
      kind,
      tier: textOf(by.tier),
      count: start.count,
      sumMs: start.sum,
      p50Ms: start.p50,
      p95Ms: start.p95,
      phasesMs: phasesOf(measures),
      details: DETAILS.flatMap((name) => {
        const sumMs = measures[name]?.sum ?? 0;
        return sumMs > 0 ? [{ name, sumMs }] : [];
      }),
      stagedBytes: counters.stagedBytes ?? 0,
      uploadBytes: counters.uploadBytes ?? 0,
    };
  });
}

function phasesOf(measures: ReportGroup['measures']): PhaseRecord {
  const phases: PhaseRecord = {};
  for (const phase of START_PHASES) {
    const sumMs = measures[phase]?.sum;
    if (sumMs !== undefined) phases[phase] = sumMs;
  }
  return phases;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** All of them together: of starts of other kinds the phases mean the same. */
export function allPhasesOf(groups: readonly StartGroup[]): PhaseRecord {
  const all: PhaseRecord = {};
  for (const { phasesMs } of groups)
    for (const phase of START_PHASES) {
      const ms = phasesMs[phase];
      if (ms !== undefined) all[phase] = (all[phase] ?? 0) + ms;
    }
  return all;
}
