#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/store/digest.h"

namespace hearth::store {

/** SHA-256 (FIPS 180-4) by OpenSSL's EVP, which Node exports. One thread at a time. */
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  /** The digest of what was added; it begins anew. */
  Digest finish();

 private:
  void begin();

  void* context_;
};

Digest sha256Of(std::string_view text);

}  // namespace hearth::store
