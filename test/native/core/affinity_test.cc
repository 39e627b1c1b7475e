#include "core/affinity.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <thread>
#include <vector>

#include "check.h"
#include "core/loop_cores.h"
#include "core/worker.h"

using namespace hearth;

namespace {

constexpr int kCores = 8192;

class Cores {
 public:
  explicit Cores(pid_t thread = 0) : set_(CPU_ALLOC(kCores)) {
    CPU_ZERO_S(bytes(), set_);
    if (sched_getaffinity(thread, bytes(), set_) != 0) std::abort();
  }
  ~Cores() { CPU_FREE(set_); }
  Cores(const Cores&) = delete;
  Cores& operator=(const Cores&) = delete;

  static size_t bytes() { return CPU_ALLOC_SIZE(kCores); }
  const cpu_set_t* get() const { return set_; }

  std::vector<int> list() const {
    std::vector<int> cores;
    for (int core = 0; core < kCores; ++core)
      if (CPU_ISSET_S(core, bytes(), set_)) cores.push_back(core);
    return cores;
  }

 private:
  cpu_set_t* set_;
};

std::vector<pid_t> threads() {
  std::vector<pid_t> found;
  DIR* directory = opendir("/proc/self/task");
  while (const dirent* entry = readdir(directory))
    if (const int thread = std::atoi(entry->d_name); thread > 0) found.push_back(thread);
  closedir(directory);
  return found;
}

/** What runs after it may use the cores that there were before. */
class Restored {
 public:
  ~Restored() {
    for (const pid_t thread : threads()) sched_setaffinity(thread, Cores::bytes(), before_.get());
  }
  std::vector<int> cores() const { return before_.list(); }

 private:
  Cores before_;
};

/** Another thread of this process, for as long as it lives. */
class Another {
 public:
  Another() : thread_([this] {
    id_.store(gettid());
    id_.notify_one();
    ended_.wait(false);
  }) {
    id_.wait(0);
  }
  ~Another() {
    ended_.store(true);
    ended_.notify_one();
    thread_.join();
  }
  pid_t id() const { return id_.load(); }

 private:
  std::atomic<pid_t> id_{0};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

/** As a sandbox does: from here on this thread may not choose its cores. */
bool forbidAffinity() {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {sizeof rules / sizeof *rules, rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

TEST("keepLoopOn changes nothing where the system refuses") {
  const std::vector<int> all = Cores().list();
  const pid_t child = fork();
  if (child == 0) {
    if (!forbidAffinity()) _exit(2);
    _exit(keepLoopOn({all.front()}) == 0 && Cores().list() == all ? 0 : 1);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST("runOnCores keeps all threads that there are, and those that come, to the cores") {
  const Restored restored;
  const int core = restored.cores().back();
  const Another before;
  CHECK(runOnCores({core}) == 1);
  CHECK(Cores().list() == std::vector<int>{core});
  CHECK(Cores(before.id()).list() == std::vector<int>{core});
  const Another after;
  CHECK(Cores(after.id()).list() == std::vector<int>{core});
}

TEST("runOnCores takes of the cores those that the process may use") {
  const Restored restored;
  const std::vector<int> all = restored.cores();
  std::vector<int> wanted = {-1, kCores, 1 << 30, all.front()};
  wanted.insert(wanted.end(), all.begin(), all.end());
  CHECK(runOnCores(wanted) == static_cast<int>(all.size()));
  CHECK(Cores().list() == all);
  const int core = all.front();
  CHECK(runOnCores({core}) == 1);
  // What it was kept from is not to be had again.
  CHECK(runOnCores(all) == 1);
  CHECK(Cores().list() == std::vector<int>{core});
}

TEST("runOnCores changes nothing when it may use none of the cores") {
  const Restored restored;
  CHECK(runOnCores({}) == 0);
  CHECK(runOnCores({-1, kCores - 1, kCores}) == 0);
  CHECK(Cores().list() == restored.cores());
}

TEST("keepLoopOn gives the event loop cores of its own, and threads of ours all of them") {
  const Restored restored;
  const std::vector<int> all = restored.cores();
  if (all.size() < 2) return;
  const int core = all.front();
  CHECK(keepLoopOn({}) == 0);
  CHECK(keepLoopOn({-1, kCores}) == 0);
  CHECK(keepLoopOn(all) == 0);
  stepAside();
  CHECK(Cores().list() == all);

  CHECK(keepLoopOn({core, kCores - 1}) == 1);
  CHECK(Cores().list() == std::vector<int>{core});
  CHECK(keepLoopOn({all.back()}) == 0);
  const Another inherits;
  CHECK(Cores(inherits.id()).list() == std::vector<int>{core});

  std::vector<int> ofWorker;
  std::vector<int> aside;
  int where = core;
  {
    Worker worker;
    worker.post([&] {
      ofWorker = Cores().list();
      sched_setaffinity(0, Cores::bytes(), Cores(getpid()).get());
      leaveLoopCores();
      stepAside();
      where = sched_getcpu();
      aside = Cores().list();
    });
  }
  CHECK(ofWorker == all);
  CHECK(where != core);
  CHECK(aside == all);
}
