#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/crypt/secret.h"

namespace hearth::crypt {

/** How far a transfer is, and the order to stop. Shared with the threads that do it. */
struct Progress {
  std::atomic<uint64_t> doneBytes = 0;
  /** 0 until the size is known. */
  std::atomic<uint64_t> totalBytes = 0;
  std::atomic<bool> cancelled = false;
};

struct Transfer {
  std::string input;
  std::string output;
  /** 1 to 64. */
  unsigned threads = 1;
};

/** What a container's header tells without a key. */
struct ContainerInfo {
  uint64_t plaintextBytes = 0;
  uint64_t containerBytes = 0;
  /** Empty when it names none. */
  std::string keyName;
};

/**
 * Writes `transfer.input` as a container to `transfer.output`, chunk by chunk, on several threads. The output appears whole
 * and on the disk, or not at all; nothing that is there is replaced. Blocks until it is done.
 *
 * Throws Failure: already_encrypted, exists, not_found, no_space, io_failed, source_changed, cancelled, bad_header (the
 * name), crypto_failed. Here and below what() is the end of a sentence that begins with the action and the path.
 */
ContainerInfo encryptFile(const Transfer& transfer, const SecretKey& masterKey, const std::string& keyName,
                          Progress& progress);

/**
 * The way back; the output is readable by its owner alone, and appears only when every chunk was authentic. Throws Failure as
 * encryptFile() and parseHeader() do, wrong_key, and chunk_damaged that names the first one.
 */
ContainerInfo decryptFile(const Transfer& transfer, const SecretKey& masterKey, Progress& progress);

/** Reads and checks a container's header and size. Throws Failure as parseHeader() does, not_found, io_failed. */
ContainerInfo inspectContainer(const std::string& path);

}  // namespace hearth::crypt
