#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/store/layout.h"
#include "core/store/posix.h"

namespace hearth::store {

/**
 * `.progress` of a half-made segment, which other processes may map. Little endian:
 *   0  magic "HEARTHP1"   8  u64 bytes in all   16  u64 bytes ready   24  u64 chunks
 *   32 a bit for each chunk that is read, decrypted and hashed; chunk c is bit c % 8 of byte 32 + c / 8
 * Chunks are counted over the files in the order of their names, each file beginning with a new one.
 * A ready chunk is not a verified segment: the whole may turn out to be something else.
 */
class ProgressFile {
 public:
  /** Makes it. Throws StoreFailure. */
  ProgressFile(const std::string& path, uint64_t bytes, uint64_t chunks);
  ~ProgressFile();
  ProgressFile(const ProgressFile&) = delete;
  ProgressFile& operator=(const ProgressFile&) = delete;

  /** Any thread. */
  void markReady(uint64_t chunk, uint64_t bytes);
  uint64_t readyBytes() const;

 private:
  uint8_t* map_;
  size_t mappedBytes_;
};

struct Progress {
  uint64_t bytes = 0;
  uint64_t readyBytes = 0;
};

/** What another process tells at `path`; none when there is no such file. */
std::optional<Progress> readProgress(const std::string& path);

/** How far the staging of a source is, whoever does it; none when nobody does. */
std::optional<Progress> progressOf(const Layout& layout, std::string_view sourceKey);

}  // namespace hearth::store
