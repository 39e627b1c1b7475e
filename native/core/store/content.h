#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/store/sha256.h"

namespace hearth::store {

/** Weights are read, hashed, decrypted and told as ready in pieces of this size. A part of the content id. */
inline constexpr uint64_t kChunkBytes = uint64_t{4} << 20;

inline uint64_t chunksOf(uint64_t bytes) { return (bytes + kChunkBytes - 1) / kChunkBytes; }

/** Names of folders and of sources are the first 32 digits of a digest. */
inline constexpr size_t kIdDigits = 32;

/** One file of a segment, as it is described in it. */
struct SegmentFile {
  /** Relative, with `/` between its parts. */
  std::string name;
  uint64_t bytes = 0;
  Digest tree{};
};

/** What tells a file by its bytes: SHA-256 over the SHA-256 digests of its chunks, in order. */
Digest treeOf(std::span<const Digest> chunks);

/** `tree` of the one file of a segment; of a folder SHA-256 over the lines `<hex> <bytes> <name>\n`, sorted by
 * name. */
Digest contentOfFolder(std::vector<SegmentFile> files);

/** `.segment.json`: whole content id, files, bytes, when it was staged. */
std::string segmentJson(const Digest& content, const std::vector<SegmentFile>& files, bool encrypted,
                        int64_t stagedAtEpochMs);

/** Can the name be a file of a segment: relative, no `..`, valid UTF-8 without control characters, none of ours? */
bool isSegmentFileName(std::string_view name);

}  // namespace hearth::store
