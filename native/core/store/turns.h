#pragma once

#include <condition_variable>
#include <mutex>

namespace hearth::store {

/** A bound on how many threads do something at a time, which may change. */
class Turns {
 public:
  explicit Turns(int most) : most_(most) {}

  void setMost(int most) {
    {
      const std::lock_guard lock(mutex_);
      most_ = most;
    }
    freed_.notify_all();
  }

  /** A turn from its making to its end; waits for one. */
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns) {
      std::unique_lock lock(turns_.mutex_);
      turns_.freed_.wait(lock, [&] { return turns_.taken_ < turns_.most_; });
      ++turns_.taken_;
    }
    ~Turn() {
      {
        const std::lock_guard lock(turns_.mutex_);
        --turns_.taken_;
      }
      turns_.freed_.notify_one();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  int most_;
  int taken_ = 0;
};

}  // namespace hearth::store
