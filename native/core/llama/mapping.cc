#include "core/llama/mapping.h"

#include <dlfcn.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <thread>

#include "core/memory/mapping_abi.h"

namespace hearth {
namespace {

/** More would wait for one another in the kernel. */
constexpr unsigned kMostThreads = 8;

bool isOnTmpfs(const std::string& path) {
  struct statfs status{};
  return statfs(path.c_str(), &status) == 0 && status.f_type == TMPFS_MAGIC;
}

void finished(bool alive) {
  const auto finish =
      reinterpret_cast<hearth_mapping_finish_fn>(dlsym(RTLD_DEFAULT, "hearth_mapping_finish"));
  if (finish != nullptr) finish(alive);
}

}  // namespace

ThreadedMapping::ThreadedMapping(const std::string& path, bool wanted) {
  if (!wanted || !isOnTmpfs(path)) return;
  const auto begin = reinterpret_cast<hearth_mapping_begin_fn>(dlsym(RTLD_DEFAULT, "hearth_mapping_begin"));
  if (begin == nullptr) return;
  begin(std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads));
  begun_ = true;
}

ThreadedMapping::~ThreadedMapping() {
  if (begun_) finished(false);
}

void ThreadedMapping::finish() {
  if (!begun_) return;
  begun_ = false;
  finished(true);
}

}  // namespace hearth
