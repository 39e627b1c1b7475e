#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hearth::crypt {

/** Version 1 of the container of docs/encrypted-weights.md. Nothing here needs a key, nor OpenSSL. */
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderBytes = 4096;
constexpr uint64_t kChunkBytes = uint64_t{4} << 20;
constexpr size_t kTagBytes = 16;
constexpr size_t kSaltBytes = 32;
constexpr size_t kNoncePrefixBytes = 7;
constexpr size_t kKeyCheckBytes = 16;
constexpr size_t kMaxKeyNameBytes = 128;
/** A chunk's number has 32 bits in its nonce. */
constexpr uint64_t kMaxPlaintextBytes = kChunkBytes << 32;

using HeaderBytes = std::array<std::byte, kHeaderBytes>;

/** What the first page of a container says. */
struct Header {
  uint64_t plaintextBytes = 0;
  std::array<std::byte, kSaltBytes> salt = {};
  std::array<std::byte, kNoncePrefixBytes> noncePrefix = {};
  /** Tells a wrong key from a damaged chunk. */
  std::array<std::byte, kKeyCheckBytes> keyCheck = {};
  /** Which master key: printable ASCII without spaces, or empty when whoever opens it has to know. */
  std::string keyName;

  /** An empty file has one chunk, too: of no bytes, for its tag. */
  uint64_t chunks() const;
  /** Of the chunk's plaintext and of its ciphertext alike. */
  uint64_t chunkLength(uint64_t chunk) const;
  /** Where the chunk's ciphertext is in the container. */
  uint64_t chunkOffset(uint64_t chunk) const { return kHeaderBytes + chunk * kChunkBytes; }
  /** Where the tags of all chunks are, one after the other. */
  uint64_t tagsOffset() const { return kHeaderBytes + plaintextBytes; }
  uint64_t containerBytes() const { return tagsOffset() + chunks() * kTagBytes; }

  bool operator==(const Header&) const = default;
};

/** Does a file begin like a container, of whatever version? */
bool looksLikeContainer(std::span<const std::byte> start);

/**
 * Reads a container's first bytes: all that the file has, up to kHeaderBytes. Every field is checked, and so is `fileBytes`,
 * the size of the whole file. Throws Failure not_a_container, unsupported_version, bad_header, truncated or trailing_bytes.
 */
Header parseHeader(std::span<const std::byte> start, uint64_t fileBytes);

/** The inverse of parseHeader(). Throws Failure bad_header when the name or the size cannot be written. */
HeaderBytes writeHeader(const Header& header);

}  // namespace hearth::crypt
