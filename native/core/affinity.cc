#include "core/affinity.h"

#include <dirent.h>

#include <cstdlib>

#include "core/core_set.h"

namespace hearth {
namespace {

std::vector<pid_t> threadsOfProcess() {
  std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir("/proc/self/task"), closedir);
  if (!directory) throw CoreSet::refused("/proc/self/task");
  std::vector<pid_t> threads;
  while (const dirent* entry = readdir(directory.get()))
    if (const int thread = std::atoi(entry->d_name); thread > 0) threads.push_back(thread);
  return threads;
}

}  // namespace

int runOnCores(const std::vector<int>& cores) {
  const CoreSet wanted = CoreSet::allowed().among(cores);
  const int count = wanted.count();
  if (count == 0) return 0;
  // This thread first: what it makes from here on has them already.
  if (!wanted.tryKeep()) throw CoreSet::refused("sched_setaffinity");
  for (const pid_t thread : threadsOfProcess())
    if (!wanted.tryKeep(thread) && errno != ESRCH) throw CoreSet::refused("sched_setaffinity");
  return count;
}

}  // namespace hearth
