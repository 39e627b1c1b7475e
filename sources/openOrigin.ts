import { type BucketAccess, NO_CREDENTIALS, type SourceCredentials } from './credentials.ts';
import { HttpOrigin } from './httpOrigin.ts';
import { HubOrigin } from './hubOrigin.ts';
import { LocalOrigin } from './localOrigin.ts';
import type { Origin } from './origin.ts';
import { type Pace, REAL_PACE } from './pace.ts';
import { S3Origin } from './s3Origin.ts';
import { Transport } from './transport.ts';
import { parseSourceUri } from './uri.ts';

export interface OriginOptions {
  readonly credentials?: SourceCredentials;
  /** Shared by all origins of a process, so that connections are. */
  readonly transport?: Transport;
  readonly pace?: Pace;
}

let shared: Transport | undefined;

/** The place that a path or a URI names. Asks nothing yet. Throws `invalid_uri`. */
export function openOrigin(uri: string, options: OriginOptions = {}): Origin {
  const { credentials = NO_CREDENTIALS, pace = REAL_PACE } = options;
  const transport = () => {
    shared ??= new Transport();
    return options.transport ?? shared;
  };
  const parsed = parseSourceUri(uri);
  switch (parsed.kind) {
    case 'file':
      return new LocalOrigin(parsed.path);
    case 'http':
      return new HttpOrigin(parsed.url, credentials.http, transport(), pace);
    case 'hf':
      return new HubOrigin(parsed, credentials.hf, transport(), pace);
    case 's3':
      return new S3Origin(parsed.bucket, parsed.key, accessTo(parsed.bucket, credentials), transport(), pace);
  }
}

/** Of all credentials those that asking this source takes: no other process has to know more. Throws `invalid_uri`. */
export function credentialsOf(uri: string, all: SourceCredentials): SourceCredentials {
  const parsed = parseSourceUri(uri);
  switch (parsed.kind) {
    case 'file':
      return NO_CREDENTIALS;
    case 'http':
      // A redirect may lead to another host that has headers of its own.
      return { ...NO_CREDENTIALS, http: all.http };
    case 'hf':
      return { ...NO_CREDENTIALS, hf: all.hf };
    case 's3':
      return { ...NO_CREDENTIALS, s3: { [parsed.bucket]: accessTo(parsed.bucket, all) } };
  }
}

const PUBLIC_AWS: BucketAccess = { endpoint: null, region: 'us-east-1', pathStyle: false, keys: null };

function accessTo(bucket: string, { s3 }: SourceCredentials): BucketAccess {
  const own = Object.hasOwn(s3, bucket) ? s3[bucket] : undefined;
  const access = own ?? s3['default'] ?? PUBLIC_AWS;
  // A dot in the host's name would be one that AWS's certificate does not cover.
  return bucket.includes('.') ? { ...access, pathStyle: true } : access;
}
