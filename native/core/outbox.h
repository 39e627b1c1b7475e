#pragma once

#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/events.h"

namespace hearth {

/**
 * Events on their way from the native threads to the reader. The reader is woken at once for what a client
 * waits for, and for further deltas at most every `coalesceMs`; deltas of one request that wait are merged
 * into one.
 */
class Outbox {
 public:
  /** `wake` is called from any thread, outside of all locks, and once until the reader has drained. */
  Outbox(double coalesceMs, std::function<void()> wake) : coalesceMs_(coalesceMs), wake_(std::move(wake)) {}

  /** Wakes the reader at once. */
  void push(Event event);
  /** The reader gets it with what comes next: nothing is done about it before. */
  void pushQuietly(Event event);
  /** `first` of its request wakes at once, later ones wait for flushIfDue(). */
  void pushDelta(DeltaEvent delta, bool first);
  /** Called by the decode thread between steps. */
  void flushIfDue();
  /** Wakes the reader for what waits, unless all of it came quietly. */
  void flush();
  /** Everything that came since the last call, in order. Called by the reader. */
  std::vector<Event> drain();

 private:
  /** Whether the caller is the one to wake the reader, once it has let go of the lock. */
  bool takeWake();

  const double coalesceMs_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<Event> events_;
  /** Index in events_ of a request's delta that can still be added to. */
  std::unordered_map<RequestId, size_t> openDeltas_;
  /** Some of events_ did not come quietly. */
  bool wanted_ = false;
  bool woken_ = false;
  Clock::time_point wokenAt_{};
};

}  // namespace hearth
