#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/crypt/container.h"
#include "core/failure.h"

using namespace hearth::crypt;

namespace {

/** The right size of the file for what the header says, so that sizes do not have to be found by chance. */
uint64_t fittingBytes(std::span<const std::byte> start) {
  uint64_t plaintextBytes = 0;
  if (start.size() >= 24) std::memcpy(&plaintextBytes, start.data() + 16, sizeof plaintextBytes);
  const uint64_t chunks = plaintextBytes == 0 ? 1 : (plaintextBytes - 1) / kChunkBytes + 1;
  return kHeaderBytes + plaintextBytes + chunks * kTagBytes;
}

}  // namespace

/**
 * The first 8 bytes are what the file's size is said to be, the rest is the start of the file. What is accepted must be
 * written just so again, and lie within the file.
 */
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint64_t fileBytes = 0;
  if (size < sizeof fileBytes) return 0;
  std::memcpy(&fileBytes, data, sizeof fileBytes);
  const auto* bytes = reinterpret_cast<const std::byte*>(data + sizeof fileBytes);
  const std::span<const std::byte> start(bytes, size - sizeof fileBytes);
  // Zero padding is not found by chance: what is short is also tried as a whole header.
  HeaderBytes padded = {};
  std::memcpy(padded.data(), start.data(), std::min(start.size(), kHeaderBytes));
  for (const auto& candidate : {start, std::span<const std::byte>(padded)}) {
    for (const uint64_t claimed : {fileBytes, fittingBytes(candidate)}) {
      try {
        const Header header = parseHeader(candidate, claimed);
        const HeaderBytes written = writeHeader(header);
        if (std::memcmp(written.data(), candidate.data(), kHeaderBytes) != 0) std::abort();
        const uint64_t last = header.chunks() - 1;
        if (header.chunkOffset(last) + header.chunkLength(last) != header.tagsOffset()) std::abort();
        if (header.containerBytes() != claimed) std::abort();
      } catch (const hearth::Failure&) {
        // Refused by name.
      }
    }
  }
  return 0;
}
