import { performance } from 'node:perf_hooks';
import { SourceError } from '../../sources/errors.ts';
import { Transport } from '../../sources/transport.ts';
import { hasScheme, shownUri } from '../../sources/uri.ts';
import { fail, ok, type Result } from '../domain/errors.ts';
import type { Log } from '../ports/log.ts';
import type { ModelFileFacts, ModelFiles, Recalled } from '../ports/modelFile.ts';
import type { SealedFiles } from '../ports/readableFile.ts';
import type { SourceFactsStore } from '../ports/sourceFacts.ts';
import { GgufFiles } from './ggufFiles.ts';
import { inspectRemote } from './remoteGguf.ts';
import type { SourceAccess } from './sourceAccess.ts';

export interface SourcedFilesDeps {
  readonly access: SourceAccess;
  /** Opens encrypted files. */
  readonly sealed?: SealedFiles;
  readonly store: SourceFactsStore;
  readonly log: Log;
  /** Of one look at a remote file; 15 s unless given. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 15_000;
const CONNECTION = { connectTimeoutMs: 4_000, headersTimeoutMs: 10_000, stallTimeoutMs: 10_000 };
/** A host that was not reached is not asked again for so long, or each of its hundred adapters would wait for it. */
const DOWN_FOR_MS = 5_000;
/** Failures to ask, and not of what is there: what was known is better than nothing. */
const RECALLED = ['network', 'forbidden', 'not_found'];

/** Weight files on this machine and behind URIs; what was found behind a URI is kept for when its source is down. */
export class SourcedFiles implements ModelFiles {
  readonly #deps: SourcedFilesDeps;
  readonly #local: GgufFiles;
  readonly #transport = new Transport(CONNECTION);
  readonly #known: Map<string, ModelFileFacts>;
  readonly #down = new Map<string, { readonly untilMonoMs: number; readonly why: string }>();

  private constructor(deps: SourcedFilesDeps, known: readonly ModelFileFacts[]) {
    this.#deps = deps;
    this.#local = new GgufFiles(deps.sealed ?? null);
    this.#known = new Map(known.map((facts) => [facts.path, facts]));
  }

  static async open(deps: SourcedFilesDeps): Promise<SourcedFiles> {
    return new SourcedFiles(deps, await deps.store.load());
  }

  async inspect(path: string): Promise<Result<ModelFileFacts>> {
    if (!hasScheme(path)) return this.#local.inspect(path);
    try {
      return ok(await this.#ask(path));
    } catch (error) {
      return failureOf(path, error);
    }
  }

  async recall(path: string): Promise<Result<Recalled>> {
    if (!hasScheme(path)) return this.#local.recall(path);
    try {
      return ok({ facts: await this.#ask(path), staleBecause: null });
    } catch (error) {
      const facts = this.#known.get(path);
      const failure = failureOf(path, error);
      const canRecall = error instanceof SourceError && RECALLED.includes(error.code);
      return facts && canRecall ? ok({ facts, staleBecause: failure.error.message }) : failure;
    }
  }

  async keepOnly(paths: ReadonlySet<string>): Promise<void> {
    for (const path of this.#known.keys()) {
      if (paths.has(path)) continue;
      this.#known.delete(path);
      await this.#deps.store.forget(path);
    }
  }

  async #ask(uri: string): Promise<ModelFileFacts> {
    const host = hostOf(uri);
    const down = this.#down.get(host);
    if (down && performance.now() < down.untilMonoMs) {
      throw new SourceError(
        'network',
        `Cannot read "${shownUri(uri)}": its source failed just now: ${down.why}`,
      );
    }
    try {
      const before = this.#known.get(uri);
      const facts = await inspectRemote(uri, {
        credentials: await this.#deps.access.credentials(),
        transport: this.#transport,
        timeoutMs: this.#deps.timeoutMs ?? TIMEOUT_MS,
        sealed: this.#deps.sealed ?? null,
        known: (identity) => (before?.identity === identity ? before : undefined),
      });
      this.#down.delete(host);
      if (facts !== before) this.#remember(facts);
      return facts;
    } catch (error) {
      if (error instanceof SourceError && error.code === 'network') {
        this.#down.set(host, { untilMonoMs: performance.now() + DOWN_FOR_MS, why: error.message });
      }
      throw error;
    }
  }

  #remember(facts: ModelFileFacts): void {
    this.#known.set(facts.path, facts);
    this.#deps.store.put(facts).catch((error: Error) => {
      this.#deps.log.warn({ error: error.message }, 'what is known of a source could not be kept');
    });
  }
}

/** What goes down together. */
function hostOf(uri: string): string {
  return /^https?:/i.test(uri) && URL.canParse(uri) ? new URL(uri).host : uri.slice(0, uri.indexOf(':'));
}

function failureOf(uri: string, error: unknown): ReturnType<typeof fail> {
  const isDown = error instanceof SourceError && error.isTransient;
  const reason = error instanceof Error ? error.message : String(error);
  // A source's own message names it already.
  const message =
    error instanceof SourceError ? reason : `Cannot read weight file "${shownUri(uri)}": ${reason}`;
  return fail(isDown ? 'source_unavailable' : 'invalid_request', message, 'path');
}
