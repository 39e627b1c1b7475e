import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Whether a request carries a right Signature Version 4 for S3, written from the document alone
 * (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html): the reason when it does not, else null.
 */
export function signatureProblem(
  request: IncomingMessage,
  keys: { readonly accessKey: string; readonly secretKey: string; readonly region: string },
): string | null {
  const { authorization = '' } = request.headers;
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([\w;-]+), ?Signature=([0-9a-f]{64})$/;
  const [, accessKey, day = '', region = '', signed = '', signature] = form.exec(authorization) ?? [];
  if (accessKey === undefined) return 'no signature';
  if (accessKey !== keys.accessKey) return 'another access key';
  if (region !== keys.region) return 'another region';
  const at = String(request.headers['x-amz-date']);
  if (!/^\d{8}T\d{6}Z$/.test(at) || !at.startsWith(day)) return 'a date that does not fit';
  const names = signed.split(';');
  // Everything of Amazon's must be signed, and so must the host.
  const mustBe = ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))];
  if (!mustBe.every((name) => names.includes(name))) return 'a header that is not signed';
  const url = new URL(request.url ?? '/', 'http://unused');
  const canonical = [
    request.method,
    url.pathname
      .split('/')
      .map((segment) => encode(decodeURIComponent(segment)))
      .join('/'),
    [...url.searchParams]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...names.map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    signed,
    request.headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', at, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  );
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (from, part) => createHmac('sha256', from).update(part).digest(),
    `AWS4${keys.secretKey}`,
  );
  const right = createHmac('sha256', key).update(text).digest('hex');
  return right === signature ? null : 'a wrong signature';
}

function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_.~-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
