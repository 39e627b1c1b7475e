#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

namespace hearth::store {

using Clock = std::chrono::steady_clock;

inline double milliseconds(Clock::duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

/**
 * How many threads read. It climbs while that brings at least a tenth more bytes a second, takes one step back
 * when it brought nothing, and looks again when the rate has changed by a third: a disk wants one or two readers,
 * a file server many.
 */
class ThreadGovernor {
 public:
  /** Begins with `first`, and never has more than `most`. */
  ThreadGovernor(int first, int most);

  int threads() const;
  /** What was read, in bytes a second, since the last call. Returns threads(). */
  int observe(double rate);

 private:
  enum class Mode { climbing, holding };

  size_t step_;
  size_t lastStep_;
  double lastRate_ = 0;
  Mode mode_ = Mode::climbing;
};

/** Bytes a second over all who ask, as a bucket that holds what may be read in a quarter of a second. */
class RateCap {
 public:
  /** none: no bound. */
  void set(std::optional<double> bytesPerSecond);
  /** Takes so many bytes and returns how long to wait before they are read. */
  Clock::duration take(uint64_t bytes, Clock::time_point now);

 private:
  std::mutex mutex_;
  std::optional<double> rate_;
  /** When what was taken until now has been paid for. */
  Clock::time_point paidUntil_{};
};

}  // namespace hearth::store
