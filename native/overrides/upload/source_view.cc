#include "overrides/upload/source_view.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

// Linux 5.14; glibc 2.35 (madvise(2)).
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace hearth::upload {
namespace {

/** Whole pages around some bytes. */
struct Pages {
  void* first;
  size_t length;
  size_t offset;
};

Pages pagesOf(const void* data, size_t bytes) {
  static const auto pageBytes = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<uintptr_t>(data);
  const size_t offset = address % pageBytes;
  const size_t length = (offset + bytes + pageBytes - 1) / pageBytes * pageBytes;
  return {reinterpret_cast<void*>(address - offset), length, offset};
}

}  // namespace

std::optional<SourceView> SourceView::of(const void* data, size_t bytes) {
  const Pages pages = pagesOf(data, bytes);
  // Of no bytes to another place: the pages of a shared mapping, once more (mremap(2)). Private ones are refused.
  void* mapping = mremap(pages.first, 0, pages.length, MREMAP_MAYMOVE);
  if (mapping == MAP_FAILED) return std::nullopt;
  return SourceView(mapping, pages.length, static_cast<const std::byte*>(mapping) + pages.offset);
}

SourceView::~SourceView() {
  if (mapping_ != nullptr) munmap(mapping_, length_);
}

void mapPages(const void* data, size_t bytes) {
  const Pages pages = pagesOf(data, bytes);
  // Its reading starts for the whole range at once, also where the mapping was declared to be read at random.
  madvise(pages.first, pages.length, MADV_WILLNEED);
  madvise(pages.first, pages.length, MADV_POPULATE_READ);
}

void adviseNormal(const void* data, size_t bytes) {
  const Pages pages = pagesOf(data, bytes);
  madvise(pages.first, pages.length, MADV_NORMAL);
}

}  // namespace hearth::upload
