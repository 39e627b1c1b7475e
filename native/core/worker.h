#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace hearth {

/** A thread that runs jobs one after another. Jobs must not throw. */
class Worker {
 public:
  Worker() : thread_([this] { run(); }) {}
  /** Runs what is queued, then joins. */
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(std::function<void()> job);
  /** Waits until everything posted before has run. Not from the worker itself. */
  void drain();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hearth
