#include "overrides/upload/source_pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

// Linux 5.14; glibc 2.35 (madvise(2)).
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace hearth::upload {

void mapPages(const void* data, size_t bytes) {
  static const auto pageBytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(data);
  const uintptr_t first = address / pageBytes * pageBytes;
  const size_t length = address + bytes - first;
  // Its reading starts for the whole range at once, also where the mapping was declared to be read at random.
  madvise(reinterpret_cast<void*>(first), length, MADV_WILLNEED);
  madvise(reinterpret_cast<void*>(first), length, MADV_POPULATE_READ);
}

}  // namespace hearth::upload
