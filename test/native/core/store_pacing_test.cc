#include "core/store/pacing.h"

#include "check.h"
#include "core/store/pace.h"
#include "store_scene.h"

using namespace store_scene;
using namespace std::chrono_literals;

TEST("ThreadGovernor climbs while the rate does, then steps back and holds") {
  ThreadGovernor governor(4, 16);
  CHECK(governor.threads() == 4);
  CHECK(governor.observe(100) == 6);
  CHECK(governor.observe(150) == 8);
  CHECK(governor.observe(151) == 6);
  CHECK(governor.observe(150) == 6);
}

TEST("ThreadGovernor looks again when the rate has changed") {
  ThreadGovernor governor(4, 16);
  governor.observe(100);
  governor.observe(100);
  CHECK(governor.threads() == 4);
  CHECK(governor.observe(50) == 6);
}

TEST("ThreadGovernor keeps to its most and forgives a silent moment") {
  ThreadGovernor governor(4, 4);
  CHECK(governor.observe(0) == 4 && governor.observe(100) == 4 && governor.observe(200) == 4);
  CHECK(ThreadGovernor(4, 1).threads() == 1);
  ThreadGovernor disk(1, 16);
  CHECK(disk.threads() == 1 && disk.observe(100) == 2 && disk.observe(90) == 1);
}

TEST("RateCap lets a burst through and then holds to its rate") {
  RateCap cap;
  const Clock::time_point start = Clock::time_point{} + 1h;
  CHECK(cap.take(1 << 30, start) == Clock::duration{});
  cap.set(1000);
  Clock::duration wait{};
  for (int count = 0; count < 100; ++count) wait = cap.take(100, start);
  // 10 s of bytes: the last hundred may be read when the others are paid for, a burst of 0.25 s less.
  CHECK(wait == 9650ms);
  CHECK(cap.take(100, start + 1h) == Clock::duration{});
}

TEST("Pace holds a prefetch while a demand is staged, until a request waits for it") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  RateCap cap;
  Steering steering;
  const std::string key(32, 'a');
  std::optional<Pace> demand;
  demand.emplace(store.layout(), std::string(32, 'b'), Priority::demand, cap, steering);
  Pace prefetch(store.layout(), key, Priority::prefetch, cap, steering);
  std::atomic<int> passed{0};
  std::thread reader([&] {
    prefetch.beforeChunk(1);
    ++passed;
  });
  demand->beforeChunk(1);
  CHECK(passed == 0);
  const Flag wanted = Flag::raise(store.layout().wantedLock(key));
  reader.join();
  CHECK(passed == 1);
}

TEST("Pace ends the wait of a prefetch when it is cancelled") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  RateCap cap;
  cap.set(1);
  Steering steering;
  Pace pace(store.layout(), std::string(32, 'a'), Priority::prefetch, cap, steering);
  pace.beforeChunk(1 << 20);
  std::string code;
  std::thread reader([&] { code = codeOf([&] { pace.beforeChunk(1); }); });
  steering.cancel();
  reader.join();
  CHECK(code == "cancelled");
}
