#include <atomic>
#include <vector>

#include "check.h"
#include "core/upload/crew.h"
#include "core/upload/digest.h"

TEST("Crew::run() calls the work once in each thread, and again the next time") {
  hearth::Crew crew(3);
  std::vector<std::atomic<int>> calls(3);
  for (int round = 1; round <= 200; ++round) {
    crew.run([&](size_t number) { calls[number].fetch_add(1); });
    CHECK(calls[0] == round && calls[1] == round && calls[2] == round);
  }
}

TEST("Crew ends its threads when it goes, also when it never ran") {
  for (size_t size : {size_t{0}, size_t{1}, size_t{4}}) {
    hearth::Crew crew(size);
    CHECK(crew.size() == size);
  }
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
