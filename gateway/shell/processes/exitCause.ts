/** How a process ended: words for people, and whether somebody else made it end. */
export interface ExitCause {
  /** As in "runner was ended by SIGABRT (it aborted)". */
  readonly how: string;
  /** A signal from outside, or the way out that SIGTERM starts: no fault of what it held. */
  readonly byOthers: boolean;
}

/** What a process does to itself; signal(7). */
const OWN_SIGNALS: Readonly<Record<string, string>> = {
  SIGABRT: 'it aborted',
  SIGSEGV: 'it crashed: invalid memory',
  SIGBUS: 'it crashed: memory without a file behind it',
  SIGILL: 'it crashed: an instruction that this CPU does not have',
  SIGFPE: 'it crashed: arithmetic',
  SIGSYS: 'it crashed: a forbidden system call',
};

/** What runners exit with; runner/process/lastWords.ts. */
const OWN_CODES: Readonly<Record<number, string>> = {
  70: 'an error that nobody caught',
  76: 'the control protocol was broken',
};

/**
 * Reads an exit. `oomKills`: how many processes the kernel has ended meanwhile because memory ran out; null: not known,
 * and a SIGKILL may then have been one.
 */
export function exitCause(
  code: number | null,
  signal: NodeJS.Signals | null,
  oomKills: number | null,
): ExitCause {
  if (signal === null) {
    const why = OWN_CODES[code ?? -1];
    return { how: `exited with code ${code}${why ? ` (${why})` : ''}`, byOthers: code === 0 };
  }
  const how = `was ended by ${signal}`;
  const own = OWN_SIGNALS[signal];
  if (own) return { how: `${how} (${own})`, byOthers: false };
  if (signal === 'SIGKILL' && oomKills === null) return { how, byOthers: false };
  if (signal === 'SIGKILL' && oomKills !== null && oomKills > 0)
    return { how: `${how} (the kernel ended processes because memory ran out)`, byOthers: false };
  return { how, byOthers: true };
}
