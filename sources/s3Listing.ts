/** One object of a listing. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string | null;
  readonly modifiedAtEpochMs: number | null;
}

export interface Listing {
  readonly objects: readonly ListedObject[];
  /** Asks for what follows; null at the end. */
  readonly next: string | null;
}

/**
 * Reads a ListBucketResult (docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html) that was asked for with
 * `encoding-type=url`, so that its texts are flat and hold no markup. null when it is none.
 */
export function readListing(xml: string): Listing | null {
  if (!xml.includes('<ListBucketResult')) return null;
  const objects: ListedObject[] = [];
  for (const [, content = ''] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const key = decodeKey(textOf(content, 'Key'));
    const bytes = Number(textOf(content, 'Size') ?? Number.NaN);
    if (key === null || !Number.isSafeInteger(bytes) || bytes < 0) return null;
    const modified = Date.parse(textOf(content, 'LastModified') ?? '');
    objects.push({
      key,
      bytes,
      etag: textOf(content, 'ETag')?.replaceAll('&quot;', '"').replaceAll('&#34;', '"') ?? null,
      modifiedAtEpochMs: Number.isFinite(modified) ? modified : null,
    });
  }
  const isTruncated = textOf(xml, 'IsTruncated') === 'true';
  return { objects, next: isTruncated ? (textOf(xml, 'NextContinuationToken') ?? null) : null };
}

function textOf(xml: string, name: string): string | undefined {
  const start = xml.indexOf(`<${name}>`);
  const end = start < 0 ? -1 : xml.indexOf(`</${name}>`, start);
  return end < 0 ? undefined : xml.slice(start + name.length + 2, end);
}

function decodeKey(text: string | undefined): string | null {
  try {
    // A form's encoding: a space may be a plus.
    return text === undefined ? null : decodeURIComponent(text.replaceAll('+', '%20'));
  } catch {
    return null;
  }
}
