import * as z from 'zod';

/** Where a secret is: never the secret itself. */
export type SecretRef =
  | { readonly kind: 'env'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string };

const ONE_SOURCE = 'expected one of env, file';
const HOST_EXPECTED = 'expected a host such as "weights.example" or "weights.example:8443"';
const ENDPOINT_EXPECTED = 'expected a URL such as "https://hub.example", without query, user and password';

const secret = z
  .strictObject(
    {
      env: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, { error: 'expected the name of an environment variable' })
        .optional()
        .describe('Environment variable of the gateway that holds it'),
      file: z.string().min(1).max(4096).optional().describe('File that holds it; read again each time'),
    },
    // A secret that was written here by mistake must not be repeated in a message.
    { error: `${ONE_SOURCE} in a map, not the secret itself` },
  )
  .refine(({ env, file }) => (env === undefined) !== (file === undefined), { error: ONE_SOURCE })
  .transform(
    ({ env, file = '' }): SecretRef =>
      env === undefined ? { kind: 'file', path: file } : { kind: 'env', variable: env },
  );

const endpoint = z
  .string()
  .refine(isEndpoint, { error: ENDPOINT_EXPECTED })
  .transform((text) => text.replace(/\/+$/, ''));

const hub = z
  .strictObject({
    endpoint: endpoint
      .optional()
      .describe('Hub to ask; HF_ENDPOINT, or https://huggingface.co, unless given'),
    token: secret.optional().describe('Access token; HF_TOKEN unless given'),
  })
  .prefault({});

const bucket = z
  .strictObject({
    endpoint: endpoint.optional().describe('S3-compatible server; AWS unless given'),
    region: z.string().min(1).max(64).optional().describe('us-east-1 unless given'),
    path_style: z
      .boolean()
      .optional()
      .describe('Whether the bucket stands in the path and not in the host’s name; true with an endpoint'),
    access_key: secret.optional(),
    secret_key: secret.optional(),
    session_token: secret.optional(),
  })
  .refine(({ access_key, secret_key }) => (access_key === undefined) === (secret_key === undefined), {
    error: 'expected access_key and secret_key, or neither',
  })
  .transform(({ endpoint: at, region, path_style, access_key, secret_key, session_token }) => ({
    endpoint: at,
    region,
    pathStyle: path_style,
    accessKey: access_key,
    secretKey: secret_key,
    sessionToken: session_token,
  }));

const host = z.strictObject({
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/, { error: 'expected the name of a header' }), secret)
    .describe('Headers that this host alone is sent'),
});

/** What remote weights are asked for with. */
export const sourcesSchema = z
  .strictObject({
    hf: hub.describe('For hf: sources'),
    s3: z
      .record(z.string().min(1).max(255), bucket)
      .default({})
      .describe('For s3:// sources, by bucket; "default" for all others, with AWS_* of the environment'),
    http: z
      .record(z.string().regex(/^[A-Za-z0-9.:[\]-]{1,255}$/, { error: HOST_EXPECTED }), host)
      .default({})
      .describe('For http:// and https:// sources, by host, with its port where the URL has one'),
  })
  .prefault({});

export type SourcesConfig = z.output<typeof sourcesSchema>;
export type BucketConfig = SourcesConfig['s3'][string];

function isEndpoint(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return username === '' && password === '' && search === '' && hash === '';
}
