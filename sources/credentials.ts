/**
 * What sources are asked with: plain values, read from where the configuration says that they are. They cross the
 * control pipe to the process that stages and are kept in memory only. By name of host or bucket, never in a source's URI.
 */
export interface SourceCredentials {
  readonly hf: HubAccess;
  /** By bucket; `default` for the others. */
  readonly s3: Readonly<Record<string, BucketAccess>>;
  /** By host, with its port when it has one. */
  readonly http: Readonly<Record<string, HostAccess>>;
}

export interface HubAccess {
  /** Without a slash at its end. */
  readonly endpoint: string;
  readonly token?: string | undefined;
}

export interface BucketAccess {
  /** null: AWS itself. */
  readonly endpoint: string | null;
  readonly region: string;
  /** Whether the bucket stands in the path, and not in the name of the host. */
  readonly pathStyle: boolean;
  /** null: requests are not signed. */
  readonly keys: {
    readonly accessKey: string;
    readonly secretKey: string;
    readonly sessionToken?: string | undefined;
  } | null;
}

export interface HostAccess {
  readonly headers: Readonly<Record<string, string>>;
}

export const HUB_ENDPOINT = 'https://huggingface.co';

/** Nobody's: what is public. */
export const NO_CREDENTIALS: SourceCredentials = { hf: { endpoint: HUB_ENDPOINT }, s3: {}, http: {} };
