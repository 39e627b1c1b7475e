#include "overrides/mapping/mapper.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "check.h"

using namespace hearth::mapping;

namespace {

constexpr size_t kPage = 4096;

/** A file in memory whose pages are there, and a mapping of it that has none of them yet. */
struct MappedFile {
  explicit MappedFile(size_t size) : bytes(size), file(memfd_create("hearth-mapper-test", MFD_CLOEXEC)) {
    CHECK(ftruncate(file, static_cast<off_t>(bytes)) == 0);
    CHECK(posix_fallocate(file, 0, static_cast<off_t>(bytes)) == 0);
    base = static_cast<std::byte*>(mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0));
  }
  ~MappedFile() {
    munmap(base, bytes);
    close(file);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  /** Pages of the range that this process's page table has (proc(5), /proc/pid/pagemap: bit 63). */
  size_t present(size_t from, size_t to) const {
    const int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    size_t found = 0;
    for (size_t at = from; at < to; at += kPage) {
      uint64_t entry = 0;
      const auto page = (reinterpret_cast<uintptr_t>(base) + at) / kPage;
      if (pread(map, &entry, sizeof entry, static_cast<off_t>(page * sizeof entry)) == sizeof entry)
        found += entry >> 63;
    }
    close(map);
    return found;
  }

  const size_t bytes;
  const int file;
  std::byte* base;
};

}  // namespace

TEST("Mapper maps every page of what it was given, and no other piece") {
  const MappedFile file((size_t{80} << 20) + 3 * kPage);
  CHECK(file.present(0, file.bytes) == 0);
  Mapper mapper(3);
  const size_t from = size_t{32} << 20;
  mapper.add(file.base + from + 100, file.bytes - from - 100);
  mapper.finish(true);
  CHECK(file.present(from, file.bytes) == (file.bytes - from) / kPage);
  CHECK(file.present(0, from) == 0);
}

TEST("Mapper maps several parts before it finishes") {
  const MappedFile one(size_t{5} << 20);
  const MappedFile other(size_t{40} << 20);
  Mapper mapper(2);
  mapper.add(one.base, one.bytes);
  mapper.add(other.base, other.bytes);
  mapper.finish(true);
  CHECK(one.present(0, one.bytes) == one.bytes / kPage);
  CHECK(other.present(0, other.bytes) == other.bytes / kPage);
}

TEST("Mapper survives that the mapping of a failed load has gone") {
  Mapper mapper(2);
  {
    const MappedFile file(size_t{256} << 20);
    mapper.add(file.base, file.bytes);
  }
  mapper.finish(false);
  CHECK(true);
}
