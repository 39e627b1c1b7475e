#include "overrides/mapping/mapper.h"

#include <sys/mman.h>

#include <algorithm>

#include "overrides/upload/source_view.h"

namespace hearth::mapping {
namespace {

/** 1 ms of one thread with 4 KiB pages, for which other changes of the address space wait. */
constexpr size_t kPieceBytes = size_t{16} << 20;

}  // namespace

void Mapper::add(void* data, size_t bytes) {
  auto* const begin = static_cast<std::byte*>(data);
  crew_.post((bytes + kPieceBytes - 1) / kPieceBytes, [this, begin, bytes](size_t, size_t piece) {
    if (stop_.load(std::memory_order_relaxed)) return;
    const size_t at = piece * kPieceBytes;
    upload::mapPages(begin + at, std::min(kPieceBytes, bytes - at));
  });
}

void Mapper::finish(bool alive) {
  stop_.store(!alive, std::memory_order_relaxed);
  crew_.waitUntilLeft(0);
}

}  // namespace hearth::mapping
