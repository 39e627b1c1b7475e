#include "core/store/progress.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hearth::store {
namespace {

constexpr char kMagic[8] = {'H', 'E', 'A', 'R', 'T', 'H', 'P', '1'};
constexpr size_t kBytesAt = 8;
constexpr size_t kReadyAt = 16;
constexpr size_t kChunksAt = 24;
constexpr size_t kBitsAt = 32;

std::atomic_ref<uint64_t> readyOf(uint8_t* map) {
  return std::atomic_ref(*reinterpret_cast<uint64_t*>(map + kReadyAt));
}

}  // namespace

ProgressFile::ProgressFile(const std::string& path, uint64_t bytes, uint64_t chunks)
    : mappedBytes_(roundedUp(kBitsAt + (chunks + 7) / 8, kPageBytes)) {
  const Fd fd = openOrFail(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  // Allocated before it is touched: a full file system is an error here, and no SIGBUS.
  if (const int error = posix_fallocate(fd.get(), 0, static_cast<off_t>(mappedBytes_)); error != 0)
    failBySystem("store_full", "make", path, error);
  void* const map = mmap(nullptr, mappedBytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (map == MAP_FAILED) failBySystem("store_failed", "map", path, errno);
  map_ = static_cast<uint8_t*>(map);
  std::memcpy(map_ + kBytesAt, &bytes, sizeof(bytes));
  std::memcpy(map_ + kChunksAt, &chunks, sizeof(chunks));
  std::memcpy(map_, kMagic, sizeof(kMagic));
}

ProgressFile::~ProgressFile() { munmap(map_, mappedBytes_); }

void ProgressFile::markReady(uint64_t chunk, uint64_t bytes) {
  std::atomic_ref(map_[kBitsAt + chunk / 8])
      .fetch_or(static_cast<uint8_t>(1U << (chunk % 8)), std::memory_order_release);
  readyOf(map_).fetch_add(bytes, std::memory_order_release);
}

uint64_t ProgressFile::readyBytes() const { return readyOf(map_).load(std::memory_order_acquire); }

std::optional<Progress> readProgress(const std::string& path) {
  const Fd fd = tryOpen(path, O_RDONLY | O_NOFOLLOW);
  uint8_t header[kBitsAt];
  if (!fd || pread(fd.get(), header, sizeof(header), 0) != static_cast<ssize_t>(sizeof(header)))
    return std::nullopt;
  if (std::memcmp(header, kMagic, sizeof(kMagic)) != 0) return std::nullopt;
  Progress progress;
  std::memcpy(&progress.bytes, header + kBytesAt, sizeof(progress.bytes));
  std::memcpy(&progress.readyBytes, header + kReadyAt, sizeof(progress.readyBytes));
  return progress;
}

std::optional<Progress> progressOf(const Layout& layout, std::string_view sourceKey) {
  if (!isId(sourceKey)) return std::nullopt;
  const auto name = readSmallFile(layout.flightLock(sourceKey));
  if (!name || name->empty() || name->find('/') != std::string::npos) return std::nullopt;
  return readProgress(layout.making(*name) + "/" + kProgressName);
}

}  // namespace hearth::store
