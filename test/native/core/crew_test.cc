#include <algorithm>
#include <atomic>
#include <vector>

#include "check.h"
#include "core/upload/crew.h"
#include "core/upload/digest.h"

TEST("Crew does each part of each work once, and waitUntilLeft() waits for them") {
  hearth::Crew crew(3, {});
  std::vector<std::atomic<int>> done(200);
  for (size_t work = 0; work < 20; ++work)
    crew.post(10, [&done, work](size_t, size_t part) { done[work * 10 + part].fetch_add(1); });
  crew.waitUntilLeft(0);
  CHECK(std::ranges::all_of(done, [](const auto& times) { return times == 1; }));
  crew.post(0, [&](size_t, size_t) { done[0].fetch_add(1); });
  crew.waitUntilLeft(0);
  CHECK(done[0] == 1);
}

TEST("Crew::waitUntilLeft() returns while the parts that may be left are still under way") {
  hearth::Crew crew(2, {});
  std::atomic<bool> held{true};
  std::atomic<int> done{0};
  crew.post(2, [&](size_t, size_t part) {
    if (part == 1) held.wait(true);
    done.fetch_add(1);
  });
  crew.waitUntilLeft(1);
  CHECK(done == 1);
  held = false;
  held.notify_all();
  crew.waitUntilLeft(0);
  CHECK(done == 2);
}

TEST("Crew finishes what it was given before it goes, and begins each thread once") {
  std::atomic<int> begun{0};
  std::atomic<int> done{0};
  {
    hearth::Crew crew(4, [&] { begun.fetch_add(1); });
    CHECK(crew.size() == 4);
    crew.post(100, [&](size_t thread, size_t) { done.fetch_add(thread < 4 ? 1 : 1000); });
  }
  CHECK(begun == 4 && done == 100);
}

TEST("Crew of no threads takes work and waits for none") {
  hearth::Crew crew(0, {});
  crew.post(5, [](size_t, size_t) {});
  crew.waitUntilLeft(0);
  CHECK(crew.size() == 0);
}

TEST("copyDigest() is another one for each bit, each place and each length") {
  std::vector<unsigned char> bytes(100, 0x5A);
  const uint64_t whole = hearth::copyDigest(bytes.data(), bytes.size());
  CHECK(hearth::copyDigest(bytes.data(), bytes.size()) == whole);
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] ^= static_cast<unsigned char>(1 << bit);
      CHECK(hearth::copyDigest(bytes.data(), bytes.size()) != whole);
      bytes[at] ^= static_cast<unsigned char>(1 << bit);
    }
    CHECK(hearth::copyDigest(bytes.data(), at) != whole);
  }
  bytes[64] = 1;
  std::swap(bytes[0], bytes[64]);
  const uint64_t swapped = hearth::copyDigest(bytes.data(), bytes.size());
  std::swap(bytes[0], bytes[64]);
  CHECK(hearth::copyDigest(bytes.data(), bytes.size()) != swapped);
}
