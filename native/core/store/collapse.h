#pragma once

#include "core/store/steering.h"
#include "core/store/store.h"

namespace hearth::store {

struct CollapseReport {
  /** Of the segment, in whole huge pages. */
  uint64_t bytes = 0;
  /** In huge pages now. */
  uint64_t hugeBytes = 0;
  double ms = 0;
  /** The mount has huge pages by itself, so that nothing was to be done. */
  bool wasHuge = false;
};

/**
 * Puts a published segment of a tmpfs of 4 KiB pages into huge pages (MADV_COLLAPSE, Linux 6.1), which its readers map and
 * read faster. Blocks, for 0.3 to 1.3 s a GiB of a core; the calling thread becomes nicer for good. It waits while anything is staged that a request
 * waits for, holds no lease, and ends when the segment goes. Where the kernel knows no such thing, or has no memory in one
 * piece, pages stay as they are. Throws `cancelled`.
 */
CollapseReport collapse(const Store& store, Book book, std::string_view id, Steering& steering);

}  // namespace hearth::store
