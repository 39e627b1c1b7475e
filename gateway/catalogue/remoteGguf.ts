import type { SourceCredentials } from '../../sources/credentials.ts';
import { SourceError } from '../../sources/errors.ts';
import { sourceIdentity } from '../../sources/identity.ts';
import { openOrigin } from '../../sources/openOrigin.ts';
import type { OriginFile } from '../../sources/origin.ts';
import { OriginReader } from '../../sources/originReader.ts';
import type { Transport } from '../../sources/transport.ts';
import type { ModelFileFacts } from '../ports/modelFile.ts';
import type { ReadableFile, SealedFiles } from '../ports/readableFile.ts';
import type { RandomAccess } from './fileCursor.ts';
import { ggufFacts } from './ggufFacts.ts';
import {
  type GgufContents,
  type GgufMetadata,
  randomAccess,
  readGguf,
  readGgufHeaderFrom,
} from './ggufHeader.ts';

export interface RemoteLook {
  readonly credentials: SourceCredentials;
  readonly transport: Transport;
  readonly timeoutMs: number;
  /** Opens encrypted files; null: there are none. */
  readonly sealed: SealedFiles | null;
  /** Facts of that identity, so that a header that was read is not read again. */
  readonly known: (identity: string) => ModelFileFacts | undefined;
}

/**
 * Looks at a GGUF file, or the shards of one, behind a URI: what its source says of the files, and the header of the
 * first. Throws SourceError, or an Error that says what is wrong with the header.
 */
export async function inspectRemote(uri: string, look: RemoteLook): Promise<ModelFileFacts> {
  const signal = AbortSignal.timeout(look.timeoutMs);
  try {
    const origin = openOrigin(uri, look);
    const files = await origin.files(signal);
    const first = firstOf(files);
    const identity = sourceIdentity(uri, files);
    const known = look.known(identity);
    if (known) return known;
    const reader = new OriginReader(origin, first, { signal });
    const { metadata, sizeBytes, isEncrypted } = await readHeader(reader, first.bytes, look.sealed);
    if (isEncrypted && files.length > 1)
      throw new Error(`expected an encrypted model in one file against ${files.length}`);
    const count = metadata.get('split.count') ?? 1;
    if (count !== files.length) throw new Error(`expected split.count ${files.length}, got ${count}`);
    return {
      path: uri,
      ...ggufFacts(metadata),
      parts: files.length,
      sizeBytes: isEncrypted ? sizeBytes : files.reduce((sum, { bytes }) => sum + bytes, 0),
      isEncrypted,
      modifiedAtEpochMs: Math.max(...files.map(({ modifiedAtEpochMs }) => modifiedAtEpochMs ?? 0)),
      identity,
      // Of a container it is not the plaintext's, which is what the catalogue speaks of.
      ...(files.length === 1 && first.sha256 !== null && !isEncrypted ? { sha256: first.sha256 } : {}),
    };
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = `Cannot read "${uri}": it was not read within ${look.timeoutMs} ms`;
    throw new SourceError('network', message, { cause: error });
  }
}

/**
 * The whole headers of a GGUF file, or of all shards of one, behind a URI, in the version that `identity` tells. Throws as
 * `inspectRemote` does, `changed` when there is another version.
 */
export async function readRemoteContents(
  uri: string,
  identity: string,
  look: Omit<RemoteLook, 'known'>,
): Promise<GgufContents[]> {
  const signal = AbortSignal.timeout(look.timeoutMs);
  const origin = openOrigin(uri, look);
  const files = await origin.files(signal);
  if (sourceIdentity(uri, files) !== identity)
    throw new SourceError('changed', `Cannot read "${origin.uri}": it is another version than was looked at`);
  const contents: GgufContents[] = [];
  for (const file of files)
    contents.push(
      await unsealed(new OriginReader(origin, file, { signal }), file.bytes, look.sealed, readGguf),
    );
  return contents;
}

function readHeader(
  reader: OriginReader,
  fileBytes: number,
  sealed: SealedFiles | null,
): Promise<{ readonly metadata: GgufMetadata; readonly sizeBytes: number; readonly isEncrypted: boolean }> {
  return unsealed(reader, fileBytes, sealed, async (file, sizeBytes, isEncrypted) => {
    const { metadata } = await readGgufHeaderFrom(file, sizeBytes);
    return { metadata, sizeBytes, isEncrypted };
  });
}

/** `read` gets the plaintext of a container, and a file that is none as it is. */
async function unsealed<T>(
  reader: OriginReader,
  fileBytes: number,
  sealed: SealedFiles | null,
  read: (file: RandomAccess, sizeBytes: number, isEncrypted: boolean) => Promise<T>,
): Promise<T> {
  const plaintext = (await sealed?.open(piecesOf(reader), fileBytes)) ?? null;
  try {
    return await read(
      plaintext ? randomAccess(plaintext) : reader,
      plaintext?.sizeBytes ?? fileBytes,
      plaintext !== null,
    );
  } finally {
    plaintext?.close();
  }
}

/** The beginning comes as that of any file does; chunks and tags of a container lie apart, and come each by itself. */
function piecesOf(reader: OriginReader): ReadableFile {
  return {
    async read(into, offset, length, position) {
      const target = Buffer.from(into.buffer, into.byteOffset + offset, length);
      const bytesRead = await (position === 0
        ? reader.read(target, position)
        : reader.readPiece(target, position));
      return { bytesRead };
    },
  };
}

const SHARD = /-(\d{5})-of-(\d{5})\.gguf$/;

/** The file that holds the header: the only one, or the first of all shards. */
function firstOf(files: readonly OriginFile[]): OriginFile {
  const [first] = files;
  const [, number, total] = SHARD.exec(first?.name ?? '') ?? [];
  if (number !== undefined && Number(number) !== 1)
    throw new Error('expected the first file of a split model');
  if (first && files.length === Number(total ?? 1)) return first;
  throw new Error(`expected one GGUF file, or the first of a split model, got ${files.length} files`);
}
