#include "core/memory/zero_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace hearth {
namespace {

/** mincore(2) wants a byte for each page: this many are asked about at a time, 64 MiB of 4 KiB pages. */
constexpr size_t kPagesAsked = size_t{1} << 14;

/**
 * Writes zeros to the pages that the kernel kept. It says that it has given back a mapping of hugetlbfs also
 * when it has rounded the range down to its huge pages. Returns the bytes that it did give back.
 */
size_t zeroWhatStayed(uint8_t* first, size_t bytes, size_t pageBytes) {
  std::vector<unsigned char> resident(std::min(kPagesAsked, bytes / pageBytes));
  size_t givenBack = 0;
  for (size_t done = 0; done < bytes;) {
    const size_t asked = std::min(bytes - done, resident.size() * pageBytes);
    const bool known = mincore(first + done, asked, resident.data()) == 0;
    for (size_t page = 0; page < asked / pageBytes; ++page) {
      if (known && (resident[page] & 1) == 0) givenBack += pageBytes;
      else std::memset(first + done + page * pageBytes, 0, pageBytes);
    }
    done += asked;
  }
  return givenBack;
}

}  // namespace

size_t zeroPrivateMemory(void* base, size_t bytes) {
  static const auto pageBytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  auto* const begin = static_cast<uint8_t*>(base);
  if (bytes < kLeastGivenBackBytes) {
    std::memset(begin, 0, bytes);
    return 0;
  }
  const size_t head = (pageBytes - reinterpret_cast<uintptr_t>(begin) % pageBytes) % pageBytes;
  const size_t inner = (bytes - head) / pageBytes * pageBytes;
  if (madvise(begin + head, inner, MADV_DONTNEED) != 0) {
    std::memset(begin, 0, bytes);
    return 0;
  }
  std::memset(begin, 0, head);
  std::memset(begin + head + inner, 0, bytes - head - inner);
  return zeroWhatStayed(begin + head, inner, pageBytes);
}

}  // namespace hearth
