#include "core/crypt/crew.h"

#include <set>
#include <string>

#include "check.h"
#include "core/failure.h"

using namespace hearth;
using namespace hearth::crypt;

TEST("runCrew() does every step once, whatever the number of threads") {
  for (const unsigned threads : {1U, 2U, 7U, 200U}) {
    std::mutex mutex;
    std::multiset<uint64_t> done;
    runCrew(100, threads, [&] {
      return [&](uint64_t index) {
        const std::lock_guard lock(mutex);
        done.insert(index);
      };
    });
    CHECK(done.size() == 100 && std::set(done.begin(), done.end()).size() == 100);
  }
}

TEST("runCrew() throws the failure of the lowest index") {
  for (int round = 0; round < 50; ++round) {
    std::string first;
    try {
      runCrew(1000, 4, [] {
        return [](uint64_t index) {
          if (index >= 20) throw Failure("failed", std::to_string(index));
        };
      });
    } catch (const Failure& failure) {
      first = failure.what();
    }
    CHECK(first == "20");
  }
}

TEST("runCrew() begins no step after a failure") {
  std::atomic<int> begun = 0;
  try {
    runCrew(1'000'000, 1, [&] {
      return [&](uint64_t) {
        ++begun;
        throw Failure("failed", "at once");
      };
    });
  } catch (const Failure&) {
  }
  CHECK(begun == 1);
}

TEST("runCrew() throws when a thread cannot make its step") {
  bool thrown = false;
  try {
    runCrew(10, 1, []() -> void (*)(uint64_t) { throw Failure("out_of_memory", "no buffer"); });
  } catch (const Failure&) {
    thrown = true;
  }
  CHECK(thrown);
}
