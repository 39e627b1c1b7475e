/** Downloads as the gateway has them, over real fetcher processes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Log } from '../../gateway/ports/log.ts';
import type { FetchOrder } from '../../gateway/ports/originFetcher.ts';
import { ChildFetcher, type ChildFetcherDeps } from '../../gateway/shell/fetcher/childFetcher.ts';
import type { FetcherSettings } from '../../gateway/shell/fetcher/fetcherProcess.ts';
import { NO_CREDENTIALS, type SourceCredentials } from '../../sources/credentials.ts';
import { sourceIdentity } from '../../sources/identity.ts';
import { openOrigin } from '../../sources/openOrigin.ts';

export const FETCHER_ENTRY = join(import.meta.dirname, '..', '..', 'dist', 'fetcher.mjs');

/** Keeps what is logged. */
export class Lines implements Log {
  text = '';
  readonly debug = this.#write;
  readonly info = this.#write;
  readonly warn = this.#write;
  readonly error = this.#write;

  #write(fields: object, message: string): void {
    this.text += `${JSON.stringify(fields)} ${message}\n`;
  }
}

/** `runDir` is made. */
export function childFetcher(
  runDir: string,
  settings: Partial<FetcherSettings> = {},
  deps: Partial<Omit<ChildFetcherDeps, 'settings'>> = {},
): ChildFetcher {
  mkdirSync(runDir, { recursive: true, mode: 0o700 });
  return new ChildFetcher({
    settings: {
      entry: FETCHER_ENTRY,
      runDir,
      environment: {},
      prefetchBytesPerSecond: null,
      silenceMs: 60_000,
      ...settings,
    },
    credentials: async () => NO_CREDENTIALS,
    idleMs: 60_000,
    log: new Lines(),
    ...deps,
  });
}

/** An order for what the source has now. */
export async function fetchOrder(
  source: string,
  path: string,
  more: Partial<FetchOrder> = {},
  credentials: SourceCredentials = NO_CREDENTIALS,
): Promise<FetchOrder> {
  const files = await openOrigin(source, { credentials }).files();
  const version = sourceIdentity(source, files).slice(0, 32);
  const bytes = files[0]?.bytes ?? 0;
  const names = [basename(path)];
  return { source, version, path, names, bytes, sha256: null, priority: 'demand', ...more };
}

/** A script in place of the fetcher. */
export function scripted(runDir: string, code: string): string {
  mkdirSync(runDir, { recursive: true });
  const path = join(runDir, 'scripted.mjs');
  writeFileSync(path, code);
  return path;
}
