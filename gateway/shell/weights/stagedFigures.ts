import { type FileOrigin, rateOf } from '../../domain/startDetail.ts';

/** What the event of a staging's end says beside what the pool knows. What was not needed is absent. */
export function stagedFigures(origin: FileOrigin | null): Readonly<Record<string, unknown>> {
  if (!origin) return {};
  const { tier, staged } = origin;
  if (!staged) return { tier };
  const { bytes, wallMs, downloadMs, work } = staged;
  return {
    tier,
    bytesPerSecond: rateOf(bytes, wallMs),
    ...(downloadMs === null ? {} : { downloadMs }),
    ...(work === null ? {} : { threads: work.threads, readMs: work.readMs }),
    ...(work === null || work.decryptMs === null ? {} : { decryptMs: work.decryptMs }),
    ...(work === null ? {} : { verifyMs: work.verifyMs }),
  };
}
