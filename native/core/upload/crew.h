#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace hearth {

/**
 * Threads that carry out work in parts, in order: a part begins when all before it have begun. They live as long as the crew,
 * which finishes what it was given and joins them, so that none is left when a process ends. Calls come from one thread.
 */
class Crew {
 public:
  /** Of one part of some work, in the thread of that number. Must not throw. */
  using Part = std::function<void(size_t thread, size_t part)>;

  /** As many of `wanted` threads as the system gives. Each calls `begin` first. */
  Crew(size_t wanted, std::function<void()> begin);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  size_t size() const { return threads_.size(); }
  /** Returns at once. Nothing is done by a crew of no threads. */
  void post(size_t parts, Part part);
  /** Returns when at most so many parts that were posted are not done. */
  void waitUntilLeft(size_t parts);

 private:
  struct Work {
    size_t parts;
    size_t next;
    Part part;
  };

  void serve(size_t number);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable progress_;
  std::deque<std::shared_ptr<Work>> waiting_;
  size_t left_ = 0;
  /** What waitUntilLeft() waits for. */
  size_t wantedLeft_ = 0;
  bool ending_ = false;
  const std::function<void()> begin_;
  std::vector<std::thread> threads_;
};

}  // namespace hearth
