#pragma once

#include <sched.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/failure.h"

namespace hearth {

/** The kernel's masks are as long as it was built for; 8,192 is its own limit (CONFIG_NR_CPUS). */
constexpr int kMostCores = 8192;

/** Numbers of cores, as the kernel takes and gives them. Throws Failure when the system refuses. */
class CoreSet {
 public:
  CoreSet() : set_(CPU_ALLOC(kMostCores)) {
    if (!set_) throw Failure("out_of_memory", "Cannot choose cores: out of memory");
    CPU_ZERO_S(kBytes, set_.get());
  }

  /** Those that the calling thread may use. */
  static CoreSet allowed() {
    CoreSet cores;
    if (sched_getaffinity(0, kBytes, cores.set_.get()) != 0) throw refused("sched_getaffinity");
    return cores;
  }

  bool has(int core) const {
    return core >= 0 && core < kMostCores && CPU_ISSET_S(core, kBytes, set_.get());
  }
  int count() const { return CPU_COUNT_S(kBytes, set_.get()); }

  /** Those of the list that are among these. */
  CoreSet among(const std::vector<int>& list) const {
    CoreSet both;
    for (const int core : list)
      if (has(core)) CPU_SET_S(core, kBytes, both.set_.get());
    return both;
  }

  /** These, which hold the others, without them. */
  CoreSet without(const CoreSet& others) const {
    CoreSet rest;
    CPU_XOR_S(kBytes, rest.set_.get(), set_.get(), others.set_.get());
    return rest;
  }

  /** Keeps a thread to them; 0: the calling one. Whether it was done; `errno` says why not. */
  bool tryKeep(pid_t thread = 0) const { return sched_setaffinity(thread, kBytes, set_.get()) == 0; }

  static Failure refused(const char* what) {
    return Failure("invalid_argument",
                   std::string("Cannot choose cores: ") + what + ": " + std::strerror(errno));
  }

 private:
  struct Free {
    void operator()(cpu_set_t* set) const { CPU_FREE(set); }
  };

  static constexpr size_t kBytes = CPU_ALLOC_SIZE(kMostCores);

  std::unique_ptr<cpu_set_t, Free> set_;
};

}  // namespace hearth
