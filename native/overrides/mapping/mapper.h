#pragma once

#include <atomic>
#include <cstddef>

#include "core/upload/crew.h"

namespace hearth::mapping {

/**
 * Maps the pages of files that are in memory: page tables for a GiB of 4 KiB pages take one thread 70 ms, and threads do it
 * beside one another. Calls come from one thread.
 */
class Mapper {
 public:
  explicit Mapper(size_t threads) : crew_(threads, nullptr) {}

  /** Begins with a part of a mapping, which must stay until finish(). Returns at once. */
  void add(void* data, size_t bytes);
  /** `alive` false: what was not begun is left, and mappings may have gone. */
  void finish(bool alive);

 private:
  std::atomic<bool> stop_ = false;
  Crew crew_;
};

/** Of the calling thread's load, or null. */
Mapper* current();

}  // namespace hearth::mapping
