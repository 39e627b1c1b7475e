import { readFileSync } from 'node:fs';
import type { Admission } from '../../gateway/domain/admission.ts';
import type { KeyedAttempt } from '../../gateway/ports/ledger.ts';
import { JournalFile } from './journalFile.ts';

/** A request as the ledger opens it, with its attempt under an idempotency key. */
export interface OpenedRequest {
  readonly admission: Admission;
  readonly attempt: KeyedAttempt | null;
}

/** Past it the other file is taken, so that this one can be emptied under steady load. */
const SWITCH_BYTES = 256 * 1024;

/**
 * Admissions on their way to the database, in two files beside it: a line costs microseconds, where a commit costs a
 * thread, an fsync and, on a small box, the cores that make tokens (docs/adr/0020). One process at a time has it.
 */
export class AdmissionJournal {
  readonly #paths: readonly [string, string];
  #current: JournalFile;
  #other: JournalFile;

  /** Throws what the file system says. */
  constructor(databasePath: string) {
    this.#paths = [`${databasePath}-admissions-1`, `${databasePath}-admissions-2`];
    this.#current = new JournalFile(this.#paths[0]);
    this.#other = new JournalFile(this.#paths[1]);
  }

  /** What an earlier process has left; lines that its end or the machine's has spoilt are counted. */
  read(): { readonly opened: readonly OpenedRequest[]; readonly spoilt: number } {
    const lines = this.#paths.flatMap((path) => readFileSync(path, 'utf8').split('\n')).filter(Boolean);
    const opened = lines.map(parseLine).filter((entry) => entry !== null);
    return { opened, spoilt: lines.length - opened.length };
  }

  /** Outlives this process when it returns. Throws what the disk says. Whoever calls the answer needs it no more. */
  append(entry: OpenedRequest): () => void {
    if (this.#current.bytes >= SWITCH_BYTES && this.#other.bytes === 0)
      [this.#current, this.#other] = [this.#other, this.#current];
    const file = this.#current;
    file.append(JSON.stringify(entry));
    return () => file.release();
  }

  get isEmpty(): boolean {
    return this.#current.bytes + this.#other.bytes === 0;
  }

  /** Empties what is needed no more. */
  tidy(): void {
    this.#current.tidy();
    this.#other.tidy();
  }

  /** Forgets what `read` has told. */
  empty(): void {
    this.#current.empty();
    this.#other.empty();
  }

  close(): void {
    this.tidy();
    this.#current.close();
    this.#other.close();
  }
}

function parseLine(line: string): OpenedRequest | null {
  try {
    const entry = JSON.parse(line) as OpenedRequest;
    return typeof entry.admission.requestId === 'string' ? entry : null;
  } catch {
    return null;
  }
}
