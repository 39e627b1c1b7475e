import { CHUNK_BYTES, chunksOf, containerBytes, HEADER_BYTES } from '../domain/containerLayout.ts';

const MAGIC = 'HEARTHW1';
const MAX_PLAINTEXT_BYTES = 2n ** 54n;
const MAX_NAME_BYTES = 128;

/** The first page of a container. */
export interface ContainerHeader {
  /** The whole page: the associated data of every chunk. */
  readonly page: Buffer;
  readonly plaintextBytes: number;
  readonly chunks: number;
  readonly salt: Buffer;
  readonly noncePrefix: Buffer;
  readonly keyCheck: Buffer;
  /** Empty when it names none. */
  readonly keyName: string;
}

/** Does a file begin like a container, of whatever version? */
export function looksLikeContainer(start: Buffer): boolean {
  return start.toString('latin1', 0, MAGIC.length) === MAGIC;
}

/** Checks every field, and the size of the file. Throws an Error with what is wrong, as the end of a sentence. */
export function parseContainerHeader(page: Buffer, fileBytes: number): ContainerHeader {
  if (page.length < HEADER_BYTES) throw new Error(`expected a header of 4096 bytes against ${page.length}`);
  const version = page.readUInt32LE(8);
  if (version !== 1) throw new Error(`expected version 1 against ${version}`);
  const chunkBytes = page.readUInt32LE(12);
  if (chunkBytes !== CHUNK_BYTES)
    throw new Error(`expected chunks of ${CHUNK_BYTES} bytes against ${chunkBytes}`);
  const size = page.readBigUInt64LE(16);
  // 2^54 is beyond what a number counts; a file that says so is of another size anyway.
  if (size > MAX_PLAINTEXT_BYTES || size > BigInt(fileBytes))
    throw new Error(`expected at most ${fileBytes} bytes of plaintext against ${size}`);
  const plaintextBytes = Number(size);
  const expected = containerBytes(plaintextBytes);
  if (fileBytes !== expected) throw new Error(`expected ${expected} bytes against ${fileBytes}`);
  return {
    page,
    plaintextBytes,
    chunks: chunksOf(plaintextBytes),
    salt: page.subarray(24, 56),
    noncePrefix: page.subarray(56, 63),
    keyCheck: page.subarray(64, 80),
    keyName: keyNameOf(page),
  };
}

function keyNameOf(page: Buffer): string {
  const length = page.readUInt16LE(80);
  if (length > MAX_NAME_BYTES) throw new Error(`expected a key name of at most 128 bytes against ${length}`);
  const name = page.toString('latin1', 82, 82 + length);
  const padding = page.subarray(82 + length);
  if (!/^[\x21-\x7e]*$/.test(name) || page[63] !== 0 || padding.some((byte) => byte !== 0))
    throw new Error('expected a key name of printable ASCII and zeros behind it');
  return name;
}
