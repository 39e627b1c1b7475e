#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace hearth::crypt {

/**
 * Does `step(index)` for each index below `count`, on up to `threads` threads, the caller's among them. `makeStep()` makes
 * each thread its own step, with the buffers that it needs. Indices are begun in order; after a failure no new one is, and
 * the failure of the lowest index is thrown: of several damaged chunks it is always the first that is named.
 */
template <typename MakeStep>
void runCrew(uint64_t count, unsigned threads, const MakeStep& makeStep) {
  std::atomic<uint64_t> next = 0;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  uint64_t failedIndex = UINT64_MAX;
  std::exception_ptr failure;

  const auto work = [&] {
    // A thread that never gets so far as to begin an index fails like one behind all of them.
    uint64_t index = count;
    try {
      auto step = makeStep();
      while (!failed && (index = next++) < count) step(index);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure || index < failedIndex) {
        failure = std::current_exception();
        failedIndex = index;
      }
      failed = true;
    }
  };

  std::vector<std::jthread> others;
  try {
    for (unsigned made = 1; made < threads && made < count; ++made) others.emplace_back(work);
  } catch (const std::system_error&) {
    // Fewer threads do the same work.
  }
  work();
  others.clear();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace hearth::crypt
