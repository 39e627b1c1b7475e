#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/store/digest.h"

namespace hearth::store {

/** Weights are read, hashed, decrypted and told as ready in pieces of this size: a power of two. */
inline constexpr uint64_t kChunkBytes = uint64_t{4} << 20;

inline uint64_t chunksOf(uint64_t bytes) { return (bytes + kChunkBytes - 1) / kChunkBytes; }

/** Names of folders and of sources are the first 32 digits of a digest. */
inline constexpr size_t kIdDigits = 32;

/** One file of a segment, as it is described in it. */
struct SegmentFile {
  /** Relative, with `/` between its parts. */
  std::string name;
  uint64_t bytes = 0;
  /** BLAKE3 of its bytes. */
  Digest blake3{};
};

/** The content id of a folder: BLAKE3 over the lines `<hex> <bytes> <name>\n`, sorted by name. Of one file it is that file's. */
Digest contentOfFolder(std::vector<SegmentFile> files);

/** `.segment.json`: whole content id, files, bytes, when it was staged. */
std::string segmentJson(const Digest& content, const std::vector<SegmentFile>& files, bool encrypted,
                        int64_t stagedAtEpochMs);

/** Can the name be a file of a segment: relative, no `..`, valid UTF-8 without control characters, none of ours? */
bool isSegmentFileName(std::string_view name);

}  // namespace hearth::store
