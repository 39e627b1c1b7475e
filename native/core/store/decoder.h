#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/crypt/cipher.h"
#include "core/store/posix.h"

namespace hearth::store {

/**
 * Makes plaintext of a file that is kept in a container. A container holds its chunks, of kChunkBytes each, in
 * order and at an offset that is a multiple of kPageBytes. The staging threads share one decoder.
 */
class ChunkDecoder {
 public:
  virtual ~ChunkDecoder() = default;
  virtual uint64_t plaintextBytes() const = 0;
  /** Where chunk 0 lies in the file. */
  virtual uint64_t dataOffset() const = 0;
  /** Replaces a chunk's bytes by its plaintext. Any thread; throws a Failure with the reason when they are damaged. */
  void open(uint64_t chunk, std::span<std::byte> bytes) const { open(chunk, bytes, {}); }
  /** The same; `show` gets the plaintext while it is in the core's own cache, before the chunk is known to be sound. */
  virtual void open(uint64_t chunk, std::span<std::byte> bytes, const crypt::ShowPiece& show) const = 0;
};

/** Knows containers and their keys. */
class Decoders {
 public:
  virtual ~Decoders() = default;
  /** Null for a file that is what it says. Throws a Failure when it is a container that cannot be opened. */
  virtual std::unique_ptr<ChunkDecoder> decoderFor(const Fd& file, uint64_t bytes,
                                                   const std::string& path) const = 0;
};

}  // namespace hearth::store
