#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/crypt/cipher.h"

namespace hearth::crypt {

/** Reads and checks the header of an open file of `fileBytes`. Throws Failure as parseHeader() does, io_failed. */
Header readHeader(int descriptor, uint64_t fileBytes);

/** A container that is being read: its cipher and its tags. The file may be closed. */
class SealedFile {
 public:
  /** `header` is what readHeader() said of the file. Throws Failure wrong_key, crypto_failed, truncated, io_failed. */
  SealedFile(int descriptor, const Header& header, const SecretKey& masterKey);

  const Header& header() const { return cipher_.header(); }
  /** Turns a chunk's ciphertext into its plaintext, in place. Any thread. Throws Failure chunk_damaged that names it. */
  void open(uint64_t chunk, std::span<std::byte> data, const ShowPiece& show = {}) const;

 private:
  Cipher cipher_;
  std::vector<std::array<std::byte, kTagBytes>> tags_;
};

}  // namespace hearth::crypt
