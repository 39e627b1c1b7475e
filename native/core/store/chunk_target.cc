#include "core/store/chunk_target.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace hearth::store {
namespace {

/** mbind(2) by its number: no libnuma. One node, and others when it is full; a box without NUMA refuses. */
void preferNode(void* memory, size_t bytes, int node) {
  if (node < 0 || node >= 64) return;
  const unsigned long mask = 1UL << node;
  syscall(SYS_mbind, memory, bytes, MPOL_PREFERRED, &mask, sizeof(mask) * 8, 0);
}

constexpr blksize_t kHugePageBytes = blksize_t{2} << 20;

}  // namespace

bool hasHugePages(const std::string& path) {
  const auto found = statOf(path);
  if (!found) failBySystem("store_failed", "look at", path, errno);
  // shmem_getattr() of the kernel gives the size of the pages that it would take.
  return found->st_blksize >= kHugePageBytes;
}

ChunkBuffer::~ChunkBuffer() {
  if (memory_ != nullptr) munmap(memory_, kChunkBytes);
}

std::span<std::byte> ChunkBuffer::bytes(size_t length) {
  if (memory_ == nullptr) {
    void* const map =
        mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) throw std::bad_alloc();
    madvise(map, kChunkBytes, MADV_HUGEPAGE);
    madvise(map, kChunkBytes, MADV_DONTDUMP);
    memory_ = map;
  }
  return {static_cast<std::byte*>(memory_), length};
}

void ChunkBuffer::lock() {
  if (locked_) return;
  bytes(0);
  if (mlock2(memory_, kChunkBytes, MLOCK_ONFAULT) != 0)
    throw StoreFailure("out_of_memory", "Cannot lock a buffer for plaintext: the limit of locked memory is reached");
  locked_ = true;
}

bool ChunkBuffer::canLock(int buffers) {
  const size_t bytes = static_cast<size_t>(buffers) * kChunkBytes;
  void* const map = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return false;
  // No page of it is made.
  const bool can = mlock2(map, bytes, MLOCK_ONFAULT) == 0;
  munmap(map, bytes);
  return can;
}

ChunkTarget::ChunkTarget(std::string path, uint64_t contentBytes, TargetOptions options)
    : path_(std::move(path)),
      contentBytes_(contentBytes),
      options_(options),
      fd_(openOrFail(path_, O_RDWR | O_NOFOLLOW)) {
  if (isMapped()) map();
  if (options_.way == TargetOptions::Way::writtenToDisk) allocate();
}

void ChunkTarget::allocate() {
  direct_ = tryOpen(path_, O_WRONLY | O_NOFOLLOW | O_DIRECT);
  struct stat found{};
  if (fstat(fd_.get(), &found) != 0) fail("look at", errno);
  // Extents are cheap to allocate all at once. Not every file system can.
  if (found.st_size > 0 && fallocate(fd_.get(), 0, 0, found.st_size) != 0 && errno != EOPNOTSUPP)
    fail("allocate", errno);
}

ChunkTarget::~ChunkTarget() {
  if (map_ != nullptr) munmap(map_, roundedUp(contentBytes_, kPageBytes));
}

void ChunkTarget::map() {
  if (contentBytes_ == 0) return;
  const size_t bytes = roundedUp(contentBytes_, kPageBytes);
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (memory == MAP_FAILED) fail("map", errno);
  map_ = static_cast<std::byte*>(memory);
  madvise(map_, bytes, MADV_HUGEPAGE);
  if (options_.secret) madvise(map_, bytes, MADV_DONTDUMP);
  if (options_.numaNode) preferNode(map_, bytes, *options_.numaNode);
}

void ChunkTarget::fail(const char* action, int error) const {
  struct statfs found{};
  if ((error == ENOSPC || error == EDQUOT) && fstatfs(fd_.get(), &found) == 0) {
    const uint64_t free = found.f_bavail * static_cast<uint64_t>(found.f_bsize);
    throw StoreFailure("Cannot " + std::string(action) + " \"" + path_ + "\": expected " +
                           std::to_string(contentBytes_) + " bytes, " + std::to_string(free) +
                           " are free on the file system",
                       Shortage{contentBytes_, free, std::nullopt});
  }
  failBySystem("store_failed", action, path_, error);
}

size_t ChunkTarget::chunkBytes(uint64_t chunk) const {
  return static_cast<size_t>(std::min(kChunkBytes, contentBytes_ - chunk * kChunkBytes));
}

std::span<std::byte> ChunkTarget::place(uint64_t chunk, ChunkBuffer& buffer) {
  const size_t length = chunkBytes(chunk);
  if (options_.way == TargetOptions::Way::written && options_.secret) buffer.lock();
  if (!isMapped()) return buffer.bytes(length);
  const uint64_t offset = chunk * kChunkBytes;
  while (fallocate(fd_.get(), 0, static_cast<off_t>(offset), static_cast<off_t>(length)) != 0)
    if (errno != EINTR) fail("allocate", errno);
  return {map_ + offset, length};
}

void ChunkTarget::put(uint64_t chunk, std::span<const std::byte> bytes) {
  if (!isMapped()) write(options_.dataOffset + chunk * kChunkBytes, bytes);
}

void ChunkTarget::write(uint64_t offset, std::span<const std::byte> bytes) {
  const auto put = [&](const Fd& fd, size_t from, size_t to) -> size_t {
    while (from < to) {
      const ssize_t count =
          pwrite(fd.get(), bytes.data() + from, to - from, static_cast<off_t>(offset + from));
      if (count < 0 && errno == EINTR) continue;
      // The file system opens it so and writes it not.
      if (count < 0 && errno == EINVAL && &fd == &direct_) break;
      if (count < 0) fail("write", errno);
      from += static_cast<size_t>(count);
    }
    return from;
  };
  const bool aligned = direct_ && offset % kPageBytes == 0 &&
                       reinterpret_cast<uintptr_t>(bytes.data()) % kPageBytes == 0;
  const size_t pages = aligned ? bytes.size() / kPageBytes * kPageBytes : 0;
  put(fd_, put(direct_, 0, pages), bytes.size());
}

std::span<std::byte> ChunkTarget::view(uint64_t chunk, ChunkBuffer& buffer) const {
  const size_t length = chunkBytes(chunk);
  if (isMapped()) return {map_ + chunk * kChunkBytes, length};
  const std::span<std::byte> bytes = buffer.bytes(length);
  for (size_t done = 0; done < length;) {
    const ssize_t count = pread(fd_.get(), bytes.data() + done, length - done,
                                static_cast<off_t>(options_.dataOffset + chunk * kChunkBytes + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("read back", count < 0 ? errno : EIO);
    done += static_cast<size_t>(count);
  }
  return bytes;
}

}  // namespace hearth::store
