#pragma once

#include <array>
#include <cstdint>

namespace hearth::store {

/** SHA-256 or BLAKE3: which, the name beside it says. */
using Digest = std::array<uint8_t, 32>;

}  // namespace hearth::store
