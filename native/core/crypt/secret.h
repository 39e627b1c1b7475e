#pragma once

#include <string.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace hearth::crypt {

/** Bytes that are wiped when they go. A move wipes what it was moved from. */
template <size_t Length>
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::span<const std::byte, Length> from) { std::ranges::copy(from, bytes_.begin()); }
  ~Secret() { wipe(); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this == &other) return *this;
    bytes_ = other.bytes_;
    other.wipe();
    return *this;
  }

  std::span<std::byte, Length> bytes() { return bytes_; }
  std::span<const std::byte, Length> bytes() const { return bytes_; }

 private:
  /** explicit_bzero is not optimised away, as memset before the end of a life would be. */
  void wipe() { explicit_bzero(bytes_.data(), Length); }

  std::array<std::byte, Length> bytes_ = {};
};

/** A master key, and the key of a file. */
constexpr size_t kKeyBytes = 32;
using SecretKey = Secret<kKeyBytes>;

}  // namespace hearth::crypt
