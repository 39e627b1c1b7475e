#pragma once

#include <optional>
#include <string>

#include "core/store/content.h"

namespace hearth::store {

struct RawRead {
  uint64_t bytes = 0;
  double ms = 0;
  bool direct = false;
};

/**
 * The limit that staging is measured against: reads a file in chunks with so many threads and does nothing with them.
 * `into`: a file on a tmpfs, new or of that size, whose pages are read into, so that what staging does beside that can be told; it stays.
 * Throws StoreFailure.
 */
RawRead rawRead(const std::string& path, int threads, const std::optional<std::string>& into);

}  // namespace hearth::store
