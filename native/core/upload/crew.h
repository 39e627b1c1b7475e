#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hearth {

/**
 * Threads that do one piece of work together, time after time. They live as long as the crew, which is joined: none of
 * them is left when a process ends. Calls come from one thread.
 */
class Crew {
 public:
  /** As many of `wanted` threads as the system gives. */
  explicit Crew(size_t wanted);
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  size_t size() const { return threads_.size(); }
  /** Calls `work` once in each thread with its number, and returns when all have returned. It must not throw. */
  void run(const std::function<void(size_t)>& work);

 private:
  void serve(size_t number);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable rest_;
  const std::function<void(size_t)>* work_ = nullptr;
  uint64_t round_ = 0;
  size_t busy_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hearth
