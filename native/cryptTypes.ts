/**
 * The whole contract between TypeScript and the addon of encrypted weights (native/face/crypt_*.cc, native/core/crypt).
 * The container itself is described in docs/encrypted-weights.md.
 */

/** Bumped on every change of this file that an older addon cannot serve. */
export const CRYPT_ADDON_VERSION = 1;

/** What is wrong with a container, rather than with how it was asked for. */
export const CONTAINER_REFUSALS = [
  'not_a_container',
  'unsupported_version',
  'bad_header',
  'truncated',
  'trailing_bytes',
  'wrong_key',
  'chunk_damaged',
] as const;

export type CryptErrorCode =
  | (typeof CONTAINER_REFUSALS)[number]
  /** What is to be encrypted is a container. */
  | 'already_encrypted'
  /** There is something under the name of the output. */
  | 'exists'
  | 'not_found'
  | 'no_space'
  | 'io_failed'
  /** The input was written to meanwhile. */
  | 'source_changed'
  | 'cancelled'
  | 'crypto_failed'
  | 'invalid_argument'
  | 'out_of_memory';

/** What a job rejects with. The message is one sentence, and holds paths but never a key. */
export interface CryptError extends Error {
  code: CryptErrorCode;
}

export interface TransferOptions {
  input: string;
  /** Appears whole or not at all; nothing that is there is replaced. */
  output: string;
  /** 32 bytes, copied before the call returns: fill it with zeros then. */
  key: Uint8Array;
  /** 1 to 64. */
  threads: number;
}

export interface EncryptOptions extends TransferOptions {
  /** Written into the container: printable ASCII without spaces, at most 128 characters; empty for none. */
  keyName: string;
}

export interface ContainerInfo {
  plaintextBytes: number;
  containerBytes: number;
  /** Empty when the container names none. */
  keyName: string;
}

/** A transfer under way. It keeps the process alive; at `process.exit()` it is cancelled and leaves nothing behind. */
export interface CryptJob {
  /** Rejects with a CryptError. */
  done: Promise<ContainerInfo>;
  /** `totalBytes` of plaintext is 0 until it is known. */
  progress(): { doneBytes: number; totalBytes: number };
  /** `done` rejects with `cancelled`, unless all was done before. */
  cancel(): void;
}

export interface CryptAddon {
  addonVersion: number;
  encrypt(options: EncryptOptions): CryptJob;
  decrypt(options: TransferOptions): CryptJob;
  /** Checks header and size without a key. Rejects with a CryptError. */
  inspect(path: string): Promise<ContainerInfo>;
}
