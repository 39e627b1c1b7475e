#include "core/store/containers.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/crypt/sealed_file.h"
#include "core/store/content.h"

namespace hearth::store {
namespace {

static_assert(kChunkBytes == crypt::kChunkBytes && crypt::kHeaderBytes % kPageBytes == 0);

/** A Failure of core/crypt ends a sentence; here it gets its beginning. */
[[noreturn]] void failOf(const std::string& path, const Failure& failure) {
  const bool unreadable = std::string_view(failure.code) == "io_failed";
  throw StoreFailure(unreadable ? "source_unreadable" : failure.code, "Cannot stage \"" + path + "\": " + failure.what());
}

bool beginsAsContainer(const Fd& file, const std::string& path) {
  std::array<std::byte, 8> start;
  ssize_t count;
  do count = pread(file.get(), start.data(), start.size(), 0);
  while (count < 0 && errno == EINTR);
  // What cannot be read is not plain for that.
  if (count < 0) failBySystem("source_unreadable", "read", path, errno);
  return crypt::looksLikeContainer(std::span<const std::byte>(start).first(static_cast<size_t>(count)));
}

std::optional<crypt::Header> headerOf(const Fd& file, uint64_t bytes, const std::string& path) {
  if (!beginsAsContainer(file, path)) return std::nullopt;
  try {
    return crypt::readHeader(file.get(), bytes);
  } catch (const Failure& failure) {
    failOf(path, failure);
  }
}

class ContainerDecoder : public ChunkDecoder {
 public:
  ContainerDecoder(crypt::SealedFile sealed, const std::string& path) : sealed_(std::move(sealed)), path_(path) {}

  uint64_t plaintextBytes() const override { return sealed_.header().plaintextBytes; }
  uint64_t dataOffset() const override { return crypt::kHeaderBytes; }
  using ChunkDecoder::open;
  void open(uint64_t chunk, std::span<std::byte> bytes, const crypt::ShowPiece& show) const override {
    try {
      sealed_.open(chunk, bytes, show);
    } catch (const Failure& failure) {
      failOf(path_, failure);
    }
  }

 private:
  const crypt::SealedFile sealed_;
  const std::string path_;
};

}  // namespace

std::unique_ptr<ChunkDecoder> KeyRing::decoderFor(const Fd& file, uint64_t bytes,
                                                  const std::string& path) const {
  const auto header = headerOf(file, bytes, path);
  if (!header) return nullptr;
  const auto key = keys_.find(header->keyName);
  if (key == keys_.end()) throw keyRequired(path, header->keyName);
  std::unique_ptr<ContainerDecoder> decoder;
  try {
    decoder = std::make_unique<ContainerDecoder>(crypt::SealedFile(file.get(), *header, key->second), path);
  } catch (const Failure& failure) {
    failOf(path, failure);
  }
  // The store has no chunk of an empty file; the container has one, and its tag says that the file is empty.
  if (header->plaintextBytes == 0) decoder->open(0, {});
  return decoder;
}

SourceSeal sealOf(const Source& source) {
  SourceSeal seal;
  for (const SourceFile& file : source.files) {
    const Fd fd = tryOpen(file.path, O_RDONLY | O_NOFOLLOW);
    if (!fd) failBySystem(errno == ENOENT ? "source_missing" : "source_unreadable", "open", file.path, errno);
    const auto header = headerOf(fd, file.mark.bytes, file.path);
    if (header && !seal.encrypted) seal = {true, header->keyName};
  }
  return seal;
}

}  // namespace hearth::store
