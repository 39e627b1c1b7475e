#pragma once

#include <map>
#include <string>

#include "core/crypt/secret.h"
#include "core/store/decoder.h"
#include "core/store/source.h"

namespace hearth::store {

/**
 * Opens containers of encrypted weights (docs/encrypted-weights.md) with master keys, which are found by the names
 * that the containers say, and wiped when this goes. Filled by one thread, then used by any.
 */
class KeyRing : public Decoders {
 public:
  /** `name`: as containers have it; empty: for those that name none. */
  void add(const std::string& name, crypt::SecretKey key) { keys_.insert_or_assign(name, std::move(key)); }

  /**
   * Throws `key_required`, with the name, when the key is not here; `wrong_key`, `bad_header`, `truncated`,
   * `trailing_bytes`, `unsupported_version`, and `chunk_damaged` for an empty file.
   */
  std::unique_ptr<ChunkDecoder> decoderFor(const Fd& file, uint64_t bytes,
                                           const std::string& path) const override;

 private:
  std::map<std::string, crypt::SecretKey> keys_;
};

/** What the files of a source say of themselves. */
struct SourceSeal {
  /** At least one file is a container. */
  bool encrypted = false;
  /** Of the first container; empty when it names none. */
  std::string keyName;
};

/**
 * Reads the first page of every file. Throws as KeyRing does for a header that cannot be, `source_missing` or
 * `source_unreadable`.
 */
SourceSeal sealOf(const Source& source);

}  // namespace hearth::store
