#include "core/affinity.h"

#include <dirent.h>
#include <sched.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "core/failure.h"

namespace hearth {
namespace {

/** The kernel's masks are as long as it was built for; 8,192 is its own limit (CONFIG_NR_CPUS). */
constexpr int kMostCores = 8192;

struct FreeSet {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};
using CoreSet = std::unique_ptr<cpu_set_t, FreeSet>;

constexpr size_t kSetBytes = CPU_ALLOC_SIZE(kMostCores);

CoreSet emptySet() {
  CoreSet set(CPU_ALLOC(kMostCores));
  if (!set) throw Failure("out_of_memory", "Cannot choose cores: out of memory");
  CPU_ZERO_S(kSetBytes, set.get());
  return set;
}

Failure refused(const char* what) {
  return Failure("invalid_argument", std::string("Cannot choose cores: ") + what + ": " + std::strerror(errno));
}

std::vector<pid_t> threadsOfProcess() {
  std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/task"), closedir);
  if (!directory) throw refused("/proc/self/task");
  std::vector<pid_t> threads;
  while (const dirent* entry = readdir(directory.get()))
    if (const int thread = std::atoi(entry->d_name); thread > 0) threads.push_back(thread);
  return threads;
}

}  // namespace

int runOnCores(const std::vector<int>& cores) {
  const CoreSet allowed = emptySet();
  if (sched_getaffinity(0, kSetBytes, allowed.get()) != 0) throw refused("sched_getaffinity");
  const CoreSet wanted = emptySet();
  for (const int core : cores) {
    if (core < 0 || core >= kMostCores) continue;
    if (CPU_ISSET_S(core, kSetBytes, allowed.get())) CPU_SET_S(core, kSetBytes, wanted.get());
  }
  const int count = CPU_COUNT_S(kSetBytes, wanted.get());
  if (count == 0) return 0;
  // This thread first: what it makes from here on has them already.
  if (sched_setaffinity(0, kSetBytes, wanted.get()) != 0) throw refused("sched_setaffinity");
  for (const pid_t thread : threadsOfProcess()) {
    if (sched_setaffinity(thread, kSetBytes, wanted.get()) != 0 && errno != ESRCH) throw refused("sched_setaffinity");
  }
  return count;
}

}  // namespace hearth
