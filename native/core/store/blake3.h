#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/store/digest.h"

namespace hearth::store {

/** BLAKE3 (github.com/BLAKE3-team/BLAKE3-specs) by its official C implementation. Any thread. */
Digest blake3Of(std::span<const std::byte> bytes);
Digest blake3Of(std::string_view text);

/**
 * BLAKE3 is a tree, so that parts of a file can be hashed by any threads in any order: the value of the subtree over part
 * `index`, where all parts but the last have `bytes.size()`, a power of two of at least 2 KiB. Not of a last part.
 */
Digest blake3Subtree(uint64_t index, std::span<const std::byte> bytes);

/** The subtree above so many of equal size, in order: a power of two of them, which are overwritten. */
Digest blake3Join(std::span<Digest> subtrees);

/**
 * BLAKE3 of a whole file: from the subtrees of all its parts but the last, of `partBytes` each, and the last, of 1 to
 * `partBytes` bytes, or none of an empty file.
 */
Digest blake3Root(std::span<const Digest> subtrees, size_t partBytes, std::span<const std::byte> last);

}  // namespace hearth::store
