#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "core/crypt/container.h"
#include "core/crypt/secret.h"

namespace hearth::crypt {

/** Plaintext in this size, so that whoever is shown it finds it in the core's own cache; the last of a chunk may be shorter. */
inline constexpr size_t kPieceBytes = size_t{512} << 10;

/** Is shown the plaintext of a chunk, piece by piece, before it is known to be authentic. Must not throw. */
using ShowPiece = std::function<void(std::span<const std::byte>)>;

/**
 * Seals and opens the chunks of one container: AES-256-GCM under a key of its own, in the STREAM construction (Hoang,
 * Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, CRYPTO 2015).
 */
class Cipher {
 public:
  /**
   * Derives the file's key. Throws Failure wrong_key when the header was made with another master key (or its salt or key
   * check was damaged), crypto_failed when OpenSSL cannot do its part.
   */
  Cipher(const Header& header, const SecretKey& masterKey);

  const Header& header() const { return header_; }

  /**
   * Turns a chunk's ciphertext into its plaintext, in place. False when it is not what was sealed as this chunk of this
   * container: then `data` is worthless and must be shown to nobody. Any number of threads at a time, and no copy of the key
   * stays behind in them. `show` may be empty.
   */
  bool open(uint64_t chunk, std::span<std::byte> data, std::span<const std::byte, kTagBytes> tag,
            const ShowPiece& show = {}) const noexcept;

  /**
   * Turns a chunk's plaintext into its ciphertext, in place, and writes its tag. False when `data` has not the length of that
   * chunk or OpenSSL fails. Sealing two different texts as one chunk of one header gives the key stream away: never do.
   */
  bool seal(uint64_t chunk, std::span<std::byte> data, std::span<std::byte, kTagBytes> tag) const noexcept;

 private:
  Header header_;
  HeaderBytes associated_;
  SecretKey fileKey_;
};

/** The header of a new container: salt and nonce prefix by chance, the key check of `masterKey`. Throws as Cipher() and writeHeader() do. */
Header makeHeader(uint64_t plaintextBytes, const std::string& keyName, const SecretKey& masterKey);

}  // namespace hearth::crypt
