#pragma once

#include <thread>

#include "core/store/copy.h"
#include "core/store/sha256.h"

namespace hearth::store {

/**
 * SHA-256 of one whole file, in order: a thread that follows the chunks as they get ready. It hashes about 2 GB/s, so a
 * faster disk waits for it; a BLAKE3 digest costs nothing beside the copy.
 */
class WholeDigest {
 public:
  /** Begins at once. Both outlive it. */
  WholeDigest(Copy& copy, const CopyFile& file);
  /** Ends when the copy has failed or finished. */
  ~WholeDigest();

  /** Waits for the end. Throws what went wrong in reading back. */
  Digest finish();

 private:
  void follow();

  Copy& copy_;
  const CopyFile& file_;
  Digest digest_{};
  std::optional<StoreFailure> failure_;
  std::thread thread_;
};

}  // namespace hearth::store
