#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "core/store/steering.h"
#include "core/store/flight.h"
#include "core/store/locks.h"

namespace hearth::store {

/**
 * When the next chunk of one staging may be read. A demand never waits. A prefetch waits while any process of the host
 * stages what a request waits for, and keeps to the cap; it becomes a demand when a request comes to wait for
 * it.
 */
class Pace {
 public:
  Pace(const Layout& layout, std::string sourceKey, Priority priority, RateCap& cap, Steering& steering);

  /** Any thread. Throws `cancelled`. */
  void beforeChunk(uint64_t bytes);

 private:
  bool isDemand();
  void becomeDemand();

  const Layout& layout_;
  const std::string sourceKey_;
  RateCap& cap_;
  Steering& steering_;
  std::atomic<bool> demand_{false};
  std::mutex mutex_;
  std::optional<Flag> flag_;
};

}  // namespace hearth::store
