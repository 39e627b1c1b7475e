#include "core/memory/zero_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "check.h"

using namespace hearth;

namespace {

constexpr size_t kPage = 4096;
constexpr uint8_t kDirt = 0xA5;

/** Mapped memory full of dirt, unmapped at its end. */
struct Mapping {
  explicit Mapping(size_t size, int kind = MAP_PRIVATE)
      : bytes(size),
        base(
            static_cast<uint8_t*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0))) {
    std::memset(base, kDirt, bytes);
  }
  ~Mapping() { munmap(base, bytes); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  bool isAll(uint8_t value, size_t from, size_t to) const {
    return std::all_of(base + from, base + to, [value](uint8_t byte) { return byte == value; });
  }
  bool isResident(size_t offset) const {
    unsigned char resident = 0;
    mincore(base + offset / kPage * kPage, kPage, &resident);
    return (resident & 1) != 0;
  }

  const size_t bytes;
  uint8_t* const base;
};

}  // namespace

TEST("zeroPrivateMemory() gives whole pages back and reads as zero") {
  const Mapping memory(kLeastGivenBackBytes);
  CHECK(zeroPrivateMemory(memory.base, memory.bytes) == memory.bytes);
  CHECK(!memory.isResident(0) && !memory.isResident(memory.bytes - 1));
  CHECK(memory.isAll(0, 0, memory.bytes));
}

TEST("zeroPrivateMemory() writes the edges and leaves what lies outside of them") {
  const Mapping memory(4 * kLeastGivenBackBytes);
  const size_t from = 3 * kPage + 64;
  const size_t to = memory.bytes - 2 * kPage - 192;
  CHECK(zeroPrivateMemory(memory.base + from, to - from) == (to - from) / kPage * kPage - kPage);
  CHECK(memory.isAll(kDirt, 0, from));
  CHECK(memory.isAll(0, from, to));
  CHECK(memory.isAll(kDirt, to, memory.bytes));
}

TEST("zeroPrivateMemory() writes what is smaller than is worth a system call") {
  const Mapping memory(kLeastGivenBackBytes);
  CHECK(zeroPrivateMemory(memory.base, memory.bytes - 1) == 0);
  CHECK(memory.isResident(0));
  CHECK(memory.isAll(0, 0, memory.bytes - 1));
  CHECK(memory.base[memory.bytes - 1] == kDirt);
}

TEST("zeroPrivateMemory() writes all of it when the kernel refuses, as it does for locked pages") {
  const Mapping memory(2 * kLeastGivenBackBytes);
  // AddressSanitizer makes nothing of mlock().
  CHECK(syscall(SYS_mlock, memory.base + kLeastGivenBackBytes, kPage) == 0);
  CHECK(zeroPrivateMemory(memory.base, memory.bytes) == 0);
  CHECK(memory.isAll(0, 0, memory.bytes));
}

// As with huge pages, of which the kernel keeps those that the range covers in part, and says nothing.
TEST("zeroPrivateMemory() writes every page that the kernel has kept") {
  const Mapping memory(72 * kLeastGivenBackBytes, MAP_SHARED);
  CHECK(zeroPrivateMemory(memory.base, memory.bytes) == 0);
  CHECK(memory.isAll(0, 0, memory.bytes));
}

TEST("zeroPrivateMemory() takes memory of malloc, small or large") {
  for (const size_t bytes : {size_t{1}, kLeastGivenBackBytes + 1, 40 * kLeastGivenBackBytes}) {
    std::vector<uint8_t> memory(bytes, kDirt);
    zeroPrivateMemory(memory.data(), bytes);
    CHECK(std::ranges::all_of(memory, [](uint8_t byte) { return byte == 0; }));
  }
}
