#include "core/upload/digest.h"

#include <cstring>

namespace hearth {
namespace {

/** Odd, so that multiplying loses nothing: the 64-bit golden ratio. */
constexpr uint64_t kFactor = 0x9E3779B97F4A7C15;
constexpr size_t kLanes = 4;
constexpr size_t kStride = kLanes * sizeof(uint64_t);

uint64_t mixed(uint64_t state, uint64_t word) {
  state = (state ^ word) * kFactor;
  return state ^ (state >> 29);
}

}  // namespace

uint64_t copyDigest(const void* data, size_t bytes) {
  const auto* at = static_cast<const unsigned char*>(data);
  uint64_t states[kLanes] = {1, 2, 3, 4};
  size_t left = bytes;
  for (; left >= kStride; left -= kStride, at += kStride) {
    uint64_t words[kLanes];
    std::memcpy(words, at, kStride);
    for (size_t lane = 0; lane < kLanes; ++lane) states[lane] = mixed(states[lane], words[lane]);
  }
  uint64_t rest[kLanes] = {};
  std::memcpy(rest, at, left);
  uint64_t digest = bytes;
  for (size_t lane = 0; lane < kLanes; ++lane) digest = mixed(digest, mixed(states[lane], rest[lane]));
  return digest;
}

}  // namespace hearth
