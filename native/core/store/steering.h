#pragma once

#include <condition_variable>
#include <mutex>

#include "core/store/failures.h"
#include "core/store/pacing.h"

namespace hearth::store {

/** What is said to one staging under way, by any thread. Its own threads wait here, and are woken. */
class Steering {
 public:
  void cancel() {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    changed_.notify_all();
  }

  /** A request waits for it now: a prefetch becomes a demand. */
  void hurry() {
    const std::lock_guard lock(mutex_);
    hurried_ = true;
  }
  bool isHurried() {
    const std::lock_guard lock(mutex_);
    return hurried_;
  }

  /** Throws `cancelled` when it is. */
  void check() {
    const std::lock_guard lock(mutex_);
    checkLocked();
  }

  /** Waits for so long. Throws `cancelled` as soon as it is. */
  void wait(Clock::duration span) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, span, [this] { return cancelled_; });
    checkLocked();
  }

 private:
  void checkLocked() const {
    if (cancelled_) throw StoreFailure("cancelled", "Cannot stage the source: cancelled");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
  bool hurried_ = false;
};

}  // namespace hearth::store
