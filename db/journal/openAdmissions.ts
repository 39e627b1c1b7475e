import type { WriteCommand } from '../writer/commands.ts';
import type { AdmissionJournal, OpenedRequest } from './admissionJournal.ts';

/** How long an admission stands in the journal alone, when its row does not come before. */
const WRITE_AFTER_MS = 250;

/** A database that takes none for so long is a disk that stalls: then nothing more is begun. */
const MOST_OPEN = 16_384;

/** Of what an earlier process has left, written at one time: one commit for all of them. */
const GROUP = 1000;

type Write = (command: WriteCommand) => Promise<void>;

/**
 * Opens requests in the journal, and brings each to the database with its row, or in the next quarter of a second. What
 * the database refuses is tried again as long as the process lives, and by the next one.
 */
export class OpenAdmissions {
  readonly #journal: AdmissionJournal;
  readonly #write: Write;
  readonly #waiting = new Map<string, { readonly entry: OpenedRequest; readonly release: () => void }>();
  readonly #writing = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;

  constructor(journal: AdmissionJournal, write: Write) {
    this.#journal = journal;
    this.#write = write;
  }

  /**
   * Brings what an earlier process left to the database. Resolves with how many lines were spoilt; rejects when the
   * disk refuses, and then all of it is still there.
   */
  async recover(): Promise<number> {
    const { opened, spoilt } = this.#journal.read();
    for (let from = 0; from < opened.length; from += GROUP)
      await Promise.all(opened.slice(from, from + GROUP).map((entry) => this.#send(entry)));
    this.#journal.empty();
    return spoilt;
  }

  /** Outlives this process when it returns. Throws what the disk says, and when too many wait for the database. */
  open(entry: OpenedRequest): void {
    if (this.#closing) throw new Error('Cannot open a request: the database is closed');
    const open = this.#waiting.size + this.#writing.size;
    if (open >= MOST_OPEN) throw new Error(`Cannot open a request: ${open} wait for the database`);
    const release = this.#journal.append(entry);
    this.#waiting.set(entry.admission.requestId, { entry, release });
    this.#timer ??= setInterval(() => this.#tick(), WRITE_AFTER_MS).unref();
  }

  /** Gives the writer the admission of a request, in the turn of what is written after it. */
  settle(requestId: string): void {
    const one = this.#waiting.get(requestId);
    if (!one) return;
    this.#waiting.delete(requestId);
    const writing = this.#send(one.entry).then(one.release, () => {
      this.#waiting.set(requestId, one);
    });
    this.#writing.add(writing);
    void writing.then(() => this.#writing.delete(writing));
  }

  /** Resolves when all that was opened is in the database, or was refused by it. */
  async flush(): Promise<void> {
    this.#settleAll();
    await Promise.all(this.#writing);
  }

  /** Refuses new ones, and resolves when all earlier ones are in the database or were refused by it. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.flush().then(() => {
      if (this.#timer) clearInterval(this.#timer);
      this.#journal.close();
    });
    return this.#closing;
  }

  #tick(): void {
    this.#journal.tidy();
    this.#settleAll();
    if (!this.#timer || this.#waiting.size + this.#writing.size > 0 || !this.#journal.isEmpty) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #settleAll(): void {
    for (const requestId of [...this.#waiting.keys()]) this.settle(requestId);
  }

  async #send({ admission, attempt }: OpenedRequest): Promise<void> {
    const opened = this.#write({ kind: 'openRequest', admission });
    if (attempt === null) return opened;
    const { requestId, arrivedAtEpochMs: atEpochMs } = admission;
    await Promise.all([opened, this.#write({ kind: 'openAttempt', requestId, attempt, atEpochMs })]);
  }
}
