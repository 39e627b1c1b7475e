#include "core/loop_cores.h"

#include <atomic>

#include "core/core_set.h"

namespace hearth {
namespace {

/** Of this process, from keepLoopOn() on. */
struct Partition {
  CoreSet all;
  CoreSet loop;
  CoreSet others;
};

std::atomic<const Partition*> partition{nullptr};

}  // namespace

int keepLoopOn(const std::vector<int>& cores) {
  CoreSet all = CoreSet::allowed();
  CoreSet loop = all.among(cores);
  const int count = loop.count();
  if (count == 0 || count == all.count() || partition.load() != nullptr) return 0;
  // A sandbox may forbid it, and all works without.
  if (!loop.tryKeep()) return 0;
  CoreSet others = all.without(loop);
  // For the life of the process: threads read it until the very end.
  partition.store(new Partition{std::move(all), std::move(loop), std::move(others)});
  return count;
}

void leaveLoopCores() {
  const Partition* known = partition.load();
  // Refused only where the process's own cores have been taken away since: then it stays on what is left.
  if (known != nullptr) known->all.tryKeep();
}

void stepAside() {
  const Partition* known = partition.load();
  if (known == nullptr || !known->loop.has(sched_getcpu())) return;
  if (known->others.tryKeep()) known->all.tryKeep();
}

}  // namespace hearth
