#include "core/store/chunk_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/store/containers.h"

namespace hearth::store {
namespace {

/** Below it the page cache is as fast, and read-ahead helps. */
constexpr uint64_t kLeastDirectBytes = uint64_t{1} << 20;
bool isAligned(uint64_t offset, const std::byte* memory) {
  return offset % kPageBytes == 0 && reinterpret_cast<uintptr_t>(memory) % kPageBytes == 0;
}

}  // namespace

ChunkSource::ChunkSource(SourceFile file, const Decoders* decoders, bool dropsCache)
    : file_(std::move(file)), dropsCache_(dropsCache), buffered_(tryOpen(file_.path, O_RDONLY | O_NOFOLLOW)) {
  if (!buffered_)
    failBySystem(errno == ENOENT ? "source_missing" : "source_unreadable", "open", file_.path, errno);
  requireUnchanged();
  if (file_.mark.bytes >= kLeastDirectBytes)
    direct_ = tryOpen(file_.path, O_RDONLY | O_NOFOLLOW | O_DIRECT);
  static const KeyRing noKeys;
  if (decoders == nullptr) decoders = &noKeys;
  decoder_ = decoders->decoderFor(buffered_, file_.mark.bytes, file_.path);
  if (decoder_ && (decoder_->dataOffset() % kPageBytes != 0 ||
                   decoder_->dataOffset() > file_.mark.bytes ||
                   decoder_->plaintextBytes() > file_.mark.bytes - decoder_->dataOffset()))
    throw StoreFailure("bad_header", "Cannot stage \"" + file_.path + "\": its container is too short");
}

uint64_t ChunkSource::contentBytes() const {
  return decoder_ ? decoder_->plaintextBytes() : file_.mark.bytes;
}

void ChunkSource::requireUnchanged() const {
  struct stat found{};
  if (fstat(buffered_.get(), &found) != 0) failBySystem("source_unreadable", "look at", file_.path, errno);
  if (!(markOf(found) == file_.mark))
    throw StoreFailure("source_changed", "Cannot stage \"" + file_.path + "\": it is being changed");
}

size_t ChunkSource::readDirect(uint64_t offset, std::span<std::byte> into) {
  const size_t wanted = into.size() / kPageBytes * kPageBytes;
  size_t done = 0;
  while (done < wanted) {
    const ssize_t count = pread(direct_.get(), into.data() + done, wanted - done,
                                static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    // The file system opens it so and reads it not, or not into this memory.
    if (count < 0 && (errno == EINVAL || errno == EOPNOTSUPP || errno == EFAULT)) {
      directWorks_ = false;
      break;
    }
    if (count < 0) failBySystem("source_unreadable", "read", file_.path, errno);
    done += static_cast<size_t>(count) / kPageBytes * kPageBytes;
    if (static_cast<size_t>(count) % kPageBytes != 0 || count == 0) break;
  }
  return done;
}

void ChunkSource::read(uint64_t offset, std::span<std::byte> into) {
  size_t done = isDirect() && isAligned(offset, into.data()) ? readDirect(offset, into) : 0;
  if (done == into.size()) return;
  const uint64_t from = offset + done;
  while (done < into.size()) {
    const ssize_t count = pread(buffered_.get(), into.data() + done, into.size() - done,
                                static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) failBySystem("source_unreadable", "read", file_.path, errno);
    if (count == 0)
      throw StoreFailure("source_changed", "Cannot stage \"" + file_.path + "\": it ends before its " +
                                               std::to_string(file_.mark.bytes) + " bytes");
    done += static_cast<size_t>(count);
  }
  if (dropsCache_)
    posix_fadvise(buffered_.get(), static_cast<off_t>(from), static_cast<off_t>(offset + done - from),
                  POSIX_FADV_DONTNEED);
}

}  // namespace hearth::store
