import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Log } from '../../ports/log.ts';

/** Where certificate and key are. Absolute paths of PEM files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** What a server's `setSecureContext` takes. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** How often the files are looked at: renewals replace, link or mount them, which no watcher sees all of. */
const LOOK_EVERY_MS = 10_000;

/** Reads both files, and rejects with one sentence when they are no certificate and its key. */
export async function readCertificate({ cert, key }: TlsFiles): Promise<Certificate> {
  try {
    const read = { cert: await readFile(cert), key: await readFile(key) };
    createSecureContext(read);
    return read;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot use certificate "${cert}" with key "${key}": ${reason}`, { cause });
  }
}

/** Gives the server what is new in the files; connections that are open stay. What cannot be used changes nothing. */
export class CertificateReloader {
  readonly #server: Pick<Server, 'setSecureContext'>;
  readonly #files: TlsFiles;
  readonly #log: Log;
  #used: string;
  #complaint = '';

  constructor(server: Pick<Server, 'setSecureContext'>, files: TlsFiles, first: Certificate, log: Log) {
    this.#server = server;
    this.#files = files;
    this.#log = log;
    this.#used = digest(first);
  }

  async look(): Promise<void> {
    const { cert } = this.#files;
    try {
      const read = await readCertificate(this.#files);
      this.#complaint = '';
      if (digest(read) === this.#used) return;
      this.#server.setSecureContext(read);
      this.#used = digest(read);
      this.#log.info({ cert }, 'the certificate was read again');
    } catch (error) {
      const { message } = error as Error;
      if (message !== this.#complaint) this.#log.warn({ error: message }, 'the certificate stays as it was');
      this.#complaint = message;
    }
  }

  /** Looks regularly from now on. The function that it returns ends that. */
  run(everyMs: number = LOOK_EVERY_MS): () => void {
    const timer = setInterval(() => void this.look(), everyMs);
    timer.unref();
    return () => clearInterval(timer);
  }
}

/** Neither is kept: which two were read is all that matters. */
function digest({ cert, key }: Certificate): string {
  return createHash('sha256').update(cert).update('\0').update(key).digest('base64');
}
