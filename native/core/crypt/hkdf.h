#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/crypt/secret.h"

namespace hearth::crypt {

/** HKDF-SHA256 (RFC 5869), extract and expand, by OpenSSL. Fills `out`. Throws Failure crypto_failed. */
void hkdf(const SecretKey& masterKey, std::span<const std::byte> salt, std::string_view info,
          std::span<std::byte> out);

}  // namespace hearth::crypt
