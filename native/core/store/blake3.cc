#include "core/store/blake3.h"

#include <algorithm>
#include <bit>
#include <cstring>

extern "C" {
#include "third_party/blake3/blake3.h"

// Of blake3_impl.h, which C++ cannot include.
void blake3_compress_in_place(uint32_t cv[8], const uint8_t block[BLAKE3_BLOCK_LEN], uint8_t block_len,
                              uint64_t counter, uint8_t flags);
}

namespace hearth::store {
namespace {

/** The flag of a node that joins two others (section 2.4 of the paper). */
constexpr uint8_t kParent = 1 << 2;

static_assert(std::endian::native == std::endian::little, "chaining values are words, digests are bytes");

void hash(blake3_hasher& hasher, std::span<const std::byte> bytes) {
  blake3_hasher_update(&hasher, bytes.data(), bytes.size());
}

/** What the processor can is found out at the first hash, without a lock: it is done before there are two threads at it. */
blake3_hasher newHasher() {
  [[maybe_unused]] static const bool isProbed = [] {
    blake3_hasher first;
    blake3_hasher_init(&first);
    const uint8_t byte = 0;
    blake3_hasher_update(&first, &byte, 1);
    uint8_t out[BLAKE3_OUT_LEN];
    blake3_hasher_finalize(&first, out, sizeof(out));
    return true;
  }();
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  return hasher;
}

Digest finish(const blake3_hasher& hasher) {
  Digest digest;
  blake3_hasher_finalize(&hasher, digest.data(), digest.size());
  return digest;
}

/** The node above two, which lie one behind the other. */
Digest parentOf(const blake3_hasher& hasher, const uint8_t* pair) {
  uint32_t words[8];
  std::memcpy(words, hasher.key, sizeof(words));
  blake3_compress_in_place(words, pair, BLAKE3_BLOCK_LEN, 0, kParent);
  Digest value;
  std::memcpy(value.data(), words, value.size());
  return value;
}

/** Joins the last two of the stack until there is one for each bit of the parts before. */
void joinDown(blake3_hasher& hasher, uint64_t parts) {
  while (hasher.cv_stack_len > std::popcount(parts)) {
    uint8_t* const pair = &hasher.cv_stack[(hasher.cv_stack_len - 2) * BLAKE3_OUT_LEN];
    const Digest joined = parentOf(hasher, pair);
    std::ranges::copy(joined, pair);
    --hasher.cv_stack_len;
  }
}

}  // namespace

Digest blake3Of(std::span<const std::byte> bytes) {
  blake3_hasher hasher = newHasher();
  hash(hasher, bytes);
  return finish(hasher);
}

Digest blake3Of(std::string_view text) { return blake3Of(std::as_bytes(std::span(text))); }

Digest blake3Subtree(uint64_t index, std::span<const std::byte> bytes) {
  blake3_hasher hasher = newHasher();
  hasher.chunk.chunk_counter = index * (bytes.size() / BLAKE3_CHUNK_LEN);
  hash(hasher, bytes);
  // A power of two at a multiple of itself is one subtree, of which the hasher leaves the two below the top.
  return parentOf(hasher, hasher.cv_stack);
}

Digest blake3Join(std::span<Digest> subtrees) {
  const blake3_hasher hasher = newHasher();
  for (size_t left = subtrees.size(); left > 1; left /= 2)
    for (size_t index = 0; index + 1 < left; index += 2)
      subtrees[index / 2] = parentOf(hasher, subtrees[index].data());
  return subtrees.front();
}

Digest blake3Root(std::span<const Digest> subtrees, size_t partBytes, std::span<const std::byte> last) {
  blake3_hasher hasher = newHasher();
  for (uint64_t index = 0; index < subtrees.size(); ++index) {
    // As late as the hasher itself does: what is the root must not be joined as if it were none.
    joinDown(hasher, index);
    std::ranges::copy(subtrees[index], &hasher.cv_stack[hasher.cv_stack_len * BLAKE3_OUT_LEN]);
    ++hasher.cv_stack_len;
  }
  hasher.chunk.chunk_counter = subtrees.size() * (partBytes / BLAKE3_CHUNK_LEN);
  hash(hasher, last);
  return finish(hasher);
}

}  // namespace hearth::store
