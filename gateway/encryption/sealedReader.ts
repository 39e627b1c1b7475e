import { createDecipheriv, hkdfSync, timingSafeEqual } from 'node:crypto';
import { CHUNK_BYTES, HEADER_BYTES, TAG_BYTES } from '../domain/containerLayout.ts';
import { type ContainerHeader, looksLikeContainer, parseContainerHeader } from './containerHeader.ts';
import type { WeightKey } from './weightKey.ts';

const KEY_INFO = 'hearth weights v1';
const CHECK_INFO = 'hearth weights v1 check';

/** An open file, such as Node's FileHandle. */
interface OpenFile {
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
}

/**
 * The plaintext of a container, a chunk at a time: what a header's reader asks for and no more, each chunk only when its tag
 * was right. By Node's own crypto, since what parses a stranger's file in the gateway's process must not be able to crash it;
 * staging is the stager's. Errors are ends of sentences.
 */
export class SealedReader {
  readonly sizeBytes: number;
  readonly #file: OpenFile;
  readonly #header: ContainerHeader;
  readonly #key: Buffer;
  #chunk = Buffer.alloc(0);
  #chunkIndex = -1;

  private constructor(file: OpenFile, header: ContainerHeader, key: Buffer) {
    this.#file = file;
    this.#header = header;
    this.#key = key;
    this.sizeBytes = header.plaintextBytes;
  }

  /** null: the file is no container. `keyFor` rejects when there is no such key. The key it gives is wiped. */
  static async open(
    file: OpenFile,
    fileBytes: number,
    keyFor: (name: string) => Promise<WeightKey>,
  ): Promise<SealedReader | null> {
    const page = Buffer.alloc(Math.min(HEADER_BYTES, fileBytes));
    await fill(file, page, 0);
    if (!looksLikeContainer(page)) return null;
    const header = parseContainerHeader(page, fileBytes);
    const masterKey = await keyFor(header.keyName);
    try {
      return new SealedReader(file, header, fileKeyOf(header, masterKey));
    } finally {
      masterKey.wipe();
    }
  }

  /** As FileHandle's; never past the end of the chunk. */
  async read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }> {
    if (position >= this.sizeBytes) return { bytesRead: 0 };
    let done = 0;
    while (done < length && position + done < this.sizeBytes) {
      const at = position + done;
      const index = Math.floor(at / CHUNK_BYTES);
      if (index !== this.#chunkIndex) await this.#open(index);
      const from = at - index * CHUNK_BYTES;
      const part = this.#chunk.subarray(from, from + length - done);
      into.set(part, offset + done);
      done += part.length;
    }
    return { bytesRead: done };
  }

  close(): void {
    this.#chunk.fill(0);
    this.#key.fill(0);
    this.#chunkIndex = -1;
  }

  async #open(index: number): Promise<void> {
    const { page, plaintextBytes, chunks, noncePrefix } = this.#header;
    const at = index * CHUNK_BYTES;
    const sealed = Buffer.alloc(Math.min(CHUNK_BYTES, plaintextBytes - at));
    const tag = Buffer.alloc(TAG_BYTES);
    await fill(this.#file, sealed, HEADER_BYTES + at);
    await fill(this.#file, tag, HEADER_BYTES + plaintextBytes + index * TAG_BYTES);
    const nonce = Buffer.alloc(12);
    noncePrefix.copy(nonce);
    nonce.writeUInt32BE(index, 7);
    nonce.writeUInt8(index === chunks - 1 ? 1 : 0, 11);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(page);
    decipher.setAuthTag(tag);
    this.#chunk.fill(0);
    this.#chunkIndex = -1;
    const plain = decipher.update(sealed);
    try {
      decipher.final();
    } catch {
      plain.fill(0);
      throw new Error(
        `expected its chunks as they were sealed against damage in chunk ${index}, counted from 0`,
      );
    }
    this.#chunk = plain;
    this.#chunkIndex = index;
  }
}

/** Throws when the container was sealed with another key. */
function fileKeyOf({ salt, keyCheck }: ContainerHeader, masterKey: WeightKey): Buffer {
  return masterKey.use((bytes) => {
    const check = Buffer.from(hkdfSync('sha256', bytes, salt, CHECK_INFO, keyCheck.length));
    if (!timingSafeEqual(check, keyCheck))
      throw new Error('wrong key, expected the one that it was encrypted with against another');
    return Buffer.from(hkdfSync('sha256', bytes, salt, KEY_INFO, 32));
  });
}

/** All of `into`. */
async function fill(file: OpenFile, into: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error(`expected ${position + into.length} bytes against fewer`);
    done += bytesRead;
  }
}
