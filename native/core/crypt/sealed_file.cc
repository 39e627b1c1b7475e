#include "core/crypt/sealed_file.h"

#include <algorithm>

#include "core/crypt/files.h"
#include "core/failure.h"

namespace hearth::crypt {

Header readHeader(int descriptor, uint64_t fileBytes) {
  std::vector<std::byte> start(std::min<uint64_t>(fileBytes, kHeaderBytes));
  start.resize(readAt(descriptor, 0, start));
  return parseHeader(start, fileBytes);
}

SealedFile::SealedFile(int descriptor, const Header& header, const SecretKey& masterKey)
    : cipher_(header, masterKey), tags_(header.chunks()) {
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(tags_.data()), tags_.size() * kTagBytes);
  if (readAt(descriptor, header.tagsOffset(), bytes) < bytes.size())
    throw Failure("truncated", "expected " + std::to_string(header.containerBytes()) + " bytes against fewer");
}

void SealedFile::open(uint64_t chunk, std::span<std::byte> data, const ShowPiece& show) const {
  if (chunk < tags_.size() && cipher_.open(chunk, data, tags_[chunk], show)) return;
  throw Failure("chunk_damaged", "expected " + std::to_string(tags_.size()) +
                                     " chunks as they were sealed against damage in chunk " +
                                     std::to_string(chunk) + ", counted from 0");
}

}  // namespace hearth::crypt
