import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type BucketAccess, HUB_ENDPOINT, type SourceCredentials } from '../../sources/credentials.ts';
import { SourceError } from '../../sources/errors.ts';
import type { ConfigIssue } from './configIssues.ts';
import type { BucketConfig, SecretRef, SourcesConfig } from './sourceSchema.ts';

/** A variable of the gateway's environment; undefined when it is not there or empty. */
export type Variable = (name: string) => string | undefined;

/** More is no token. */
const MOST_SECRET_BYTES = 65_536;

/**
 * What sources are asked with now: the configuration's section and the environment's usual variables. Secrets in files
 * are read each time, so that one that is renewed is taken up.
 */
export class SourceAccess {
  readonly #variable: Variable;
  #config: SourcesConfig = { hf: {}, s3: {}, http: {} };
  #directory = '/';

  constructor(variable: Variable) {
    this.#variable = variable;
  }

  /** From now on this section counts; its relative paths start at `directory`. */
  use(config: SourcesConfig, directory: string): void {
    this.#config = config;
    this.#directory = directory;
  }

  /** What of a section cannot be read now. */
  async problems(config: SourcesConfig, directory: string): Promise<ConfigIssue[]> {
    const checks = secretsOf(config).map(async ({ path, ref }): Promise<ConfigIssue[]> => {
      try {
        await this.#read(ref, directory);
        return [];
      } catch (error) {
        return [{ path, text: error instanceof Error ? error.message : String(error) }];
      }
    });
    return (await Promise.all(checks)).flat();
  }

  /** Throws `forbidden` with the secret's place when one cannot be read. */
  async credentials(): Promise<SourceCredentials> {
    const { hf, s3, http } = this.#config;
    const token = (await this.#optional(hf.token)) ?? this.#variable('HF_TOKEN');
    const endpoint = hf.endpoint ?? this.#variable('HF_ENDPOINT')?.replace(/\/+$/, '') ?? HUB_ENDPOINT;
    const buckets: Record<string, BucketAccess> = {
      default: await this.#bucket(this.#withAws(s3['default'])),
    };
    for (const [name, config] of Object.entries(s3)) {
      if (name !== 'default') buckets[name] = await this.#bucket(config);
    }
    const hosts: Record<string, { headers: Record<string, string> }> = {};
    for (const [name, { headers }] of Object.entries(http)) {
      const read = Object.entries(headers).map(async ([header, ref]) => [
        header.toLowerCase(),
        await this.#read(ref, this.#directory),
      ]);
      hosts[name.toLowerCase()] = { headers: Object.fromEntries(await Promise.all(read)) };
    }
    return { hf: { endpoint, token }, s3: buckets, http: hosts };
  }

  /** What the file does not say of the default bucket comes from where AWS's own tools look. */
  #withAws(config: BucketConfig | undefined): BucketConfig {
    const variable = (name: string): SecretRef | undefined =>
      this.#variable(name) === undefined ? undefined : { kind: 'env', variable: name };
    const keys = config?.accessKey
      ? config
      : {
          accessKey: variable('AWS_ACCESS_KEY_ID'),
          secretKey: variable('AWS_SECRET_ACCESS_KEY'),
          sessionToken: variable('AWS_SESSION_TOKEN'),
        };
    return {
      endpoint:
        config?.endpoint ?? this.#variable('AWS_ENDPOINT_URL_S3') ?? this.#variable('AWS_ENDPOINT_URL'),
      region: config?.region ?? this.#variable('AWS_REGION') ?? this.#variable('AWS_DEFAULT_REGION'),
      pathStyle: config?.pathStyle,
      accessKey: keys.accessKey,
      secretKey: keys.secretKey,
      sessionToken: keys.sessionToken,
    };
  }

  async #bucket(config: BucketConfig): Promise<BucketAccess> {
    const accessKey = await this.#optional(config.accessKey);
    const secretKey = await this.#optional(config.secretKey);
    const sessionToken = await this.#optional(config.sessionToken);
    return {
      endpoint: config.endpoint ?? null,
      region: config.region ?? 'us-east-1',
      pathStyle: config.pathStyle ?? config.endpoint !== undefined,
      keys:
        accessKey === undefined || secretKey === undefined ? null : { accessKey, secretKey, sessionToken },
    };
  }

  async #optional(ref: SecretRef | undefined): Promise<string | undefined> {
    return ref && this.#read(ref, this.#directory);
  }

  async #read(ref: SecretRef, directory: string): Promise<string> {
    if (ref.kind === 'env') {
      const value = this.#variable(ref.variable)?.trim();
      if (value && isHeaderValue(value)) return value;
      throw unreadable(`environment variable "${ref.variable}"`, value ? 'one line of text' : 'it to be set');
    }
    const path = resolve(directory, ref.path);
    try {
      const { size } = await stat(path);
      const value = size > MOST_SECRET_BYTES ? '' : (await readFile(path, 'utf8')).trim();
      if (value !== '' && isHeaderValue(value)) return value;
    } catch (cause) {
      throw unreadable(`secret file "${path}"`, 'a file that this user may read', cause);
    }
    throw unreadable(`secret file "${path}"`, 'one line of text');
  }
}

function secretsOf({ hf, s3, http }: SourcesConfig): { path: PropertyKey[]; ref: SecretRef }[] {
  const secrets = [
    { path: ['hf', 'token'], ref: hf.token },
    ...Object.entries(s3).flatMap(([name, { accessKey, secretKey, sessionToken }]) => [
      { path: ['s3', name, 'access_key'], ref: accessKey },
      { path: ['s3', name, 'secret_key'], ref: secretKey },
      { path: ['s3', name, 'session_token'], ref: sessionToken },
    ]),
    ...Object.entries(http).flatMap(([name, { headers }]) =>
      Object.entries(headers).map(([header, ref]) => ({ path: ['http', name, 'headers', header], ref })),
    ),
  ];
  return secrets.flatMap(({ path, ref }) => (ref ? [{ path: ['sources', ...path], ref }] : []));
}

/** RFC 9110, 5.5, in ASCII. */
function isHeaderValue(text: string): boolean {
  return /^[\x21-\x7e][\x20-\x7e]*$/.test(text);
}

/** Never shows what was there. */
function unreadable(what: string, expected: string, cause?: unknown): SourceError {
  return new SourceError('forbidden', `Cannot read ${what}: expected ${expected}`, { cause });
}
