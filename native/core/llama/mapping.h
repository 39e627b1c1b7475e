#pragma once

#include <string>

namespace hearth {

/**
 * The threaded mapping of one load on the CPU, from its making to finish(), on one thread. Where the overrides are off, or the
 * file is not in memory anyway, llama.cpp maps it alone: what is on a disk it reads from front to back.
 */
class ThreadedMapping {
 public:
  ThreadedMapping(const std::string& path, bool wanted);
  /** Finishes, for a load that failed. */
  ~ThreadedMapping();
  ThreadedMapping(const ThreadedMapping&) = delete;
  ThreadedMapping& operator=(const ThreadedMapping&) = delete;

  /** Waits until every page of the weights is mapped. */
  void finish();

 private:
  bool begun_ = false;
};

}  // namespace hearth
