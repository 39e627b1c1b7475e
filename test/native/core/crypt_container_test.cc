#include "core/crypt/container.h"

#include <set>

#include "check.h"
#include "crypt_scene.h"

using namespace hearth::crypt;
using namespace scene;

namespace {

Header someHeader(uint64_t plaintextBytes, const std::string& keyName = "main") {
  Header header;
  header.plaintextBytes = plaintextBytes;
  const Bytes bytes = randomBytes(kSaltBytes + kNoncePrefixBytes + kKeyCheckBytes, 7);
  std::copy_n(bytes.begin(), kSaltBytes, header.salt.begin());
  std::copy_n(bytes.begin() + kSaltBytes, kNoncePrefixBytes, header.noncePrefix.begin());
  std::copy_n(bytes.begin() + kSaltBytes + kNoncePrefixBytes, kKeyCheckBytes, header.keyCheck.begin());
  header.keyName = keyName;
  return header;
}

/** The code that a header is refused with, after `change` to its bytes. */
template <typename Change>
std::string refusal(Change&& change) {
  const Header header = someHeader(10);
  HeaderBytes bytes = writeHeader(header);
  change(bytes);
  return codeOf([&] { parseHeader(bytes, header.containerBytes()); });
}

}  // namespace

TEST("parseHeader() reads what writeHeader() wrote, at every edge of a size") {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kChunkBytes - 1, kChunkBytes, kChunkBytes + 1,
                               5 * kChunkBytes, kMaxPlaintextBytes}) {
    for (const std::string& name : {std::string(), std::string("main"), std::string(kMaxKeyNameBytes, 'n')}) {
      const Header header = someHeader(bytes, name);
      CHECK(parseHeader(writeHeader(header), header.containerBytes()) == header);
    }
  }
}

TEST("Header lays out chunks, tags and the whole file") {
  const Header header = someHeader(2 * kChunkBytes + 3);
  CHECK(header.chunks() == 3);
  CHECK(header.chunkLength(0) == kChunkBytes && header.chunkLength(2) == 3 && header.chunkLength(3) == 0);
  CHECK(header.chunkOffset(1) == 4096 + kChunkBytes);
  CHECK(header.tagsOffset() == 4096 + 2 * kChunkBytes + 3);
  CHECK(header.containerBytes() == header.tagsOffset() + 48);
  const Header empty = someHeader(0);
  CHECK(empty.chunks() == 1 && empty.chunkLength(0) == 0 && empty.containerBytes() == 4112);
}

TEST("parseHeader() tells what is no container from one of another version") {
  CHECK(codeOf([] { parseHeader({}, 0); }) == "not_a_container");
  CHECK(codeOf([] { parseHeader(randomBytes(kHeaderBytes), 1 << 20); }) == "not_a_container");
  CHECK(refusal([](HeaderBytes& bytes) { flip(bytes[7]); }) == "not_a_container");
  CHECK(refusal([](HeaderBytes& bytes) { bytes[8] = std::byte{2}; }) == "unsupported_version");
  CHECK(refusal([](HeaderBytes& bytes) { bytes[11] = std::byte{1}; }) == "unsupported_version");
}

TEST("parseHeader() finds a header that was cut, at every length") {
  const Header header = someHeader(10);
  const HeaderBytes bytes = writeHeader(header);
  for (size_t length = 0; length < kHeaderBytes; ++length) {
    const auto start = std::span<const std::byte>(bytes).first(length);
    const std::string expected = length < 8 ? "not_a_container" : "truncated";
    CHECK(codeOf([&] { parseHeader(start, length); }) == expected);
  }
  CHECK(codeOf([&] { parseHeader(bytes, 100); }) == "truncated");
}

TEST("parseHeader() finds a file that is too short or too long") {
  const Header header = someHeader(10);
  const HeaderBytes bytes = writeHeader(header);
  for (const uint64_t fileBytes : {header.containerBytes() - 1, uint64_t{4096}})
    CHECK(codeOf([&] { parseHeader(bytes, fileBytes); }) == "truncated");
  for (const uint64_t fileBytes : {header.containerBytes() + 1, UINT64_MAX})
    CHECK(codeOf([&] { parseHeader(bytes, fileBytes); }) == "trailing_bytes");
}

TEST("parseHeader() refuses sizes and lengths that are out of range") {
  const auto setSize = [](uint64_t size) {
    return [size](HeaderBytes& bytes) {
      for (size_t index = 0; index < 8; ++index)
        bytes[16 + index] = static_cast<std::byte>(size >> (8 * index) & 0xFF);
    };
  };
  CHECK(refusal(setSize(UINT64_MAX)) == "bad_header");
  CHECK(refusal(setSize(kMaxPlaintextBytes + 1)) == "bad_header");
  CHECK(refusal(setSize(kMaxPlaintextBytes)) == "truncated");
  CHECK(refusal(setSize(11)) == "truncated");
  CHECK(refusal(setSize(9)) == "trailing_bytes");
  CHECK(refusal([](HeaderBytes& bytes) { bytes[12] = std::byte{1}; }) == "bad_header");
  CHECK(refusal([](HeaderBytes& bytes) { bytes[80] = std::byte{129}; }) == "bad_header");
  CHECK(refusal([](HeaderBytes& bytes) { bytes[80] = bytes[81] = std::byte{0xFF}; }) == "bad_header");
}

TEST("parseHeader() refuses names that could not be shown, and padding that is not zero") {
  for (const unsigned letter : {0U, 10U, 27U, 32U, 127U, 200U})
    CHECK(refusal([letter](HeaderBytes& bytes) { bytes[83] = static_cast<std::byte>(letter); }) == "bad_header");
  for (const size_t at : {size_t{63}, size_t{86}, size_t{4095}})
    CHECK(refusal([at](HeaderBytes& bytes) { flip(bytes[at]); }) == "bad_header");
  // A shorter length leaves letters in the padding.
  CHECK(refusal([](HeaderBytes& bytes) { bytes[80] = std::byte{3}; }) == "bad_header");
}

TEST("parseHeader() takes from changed headers only what writeHeader() writes just so") {
  std::mt19937 random(11);
  std::set<std::string> codes;
  for (int round = 0; round < 20000; ++round) {
    const Header header = someHeader(random() % 3 * kChunkBytes + random() % 5);
    HeaderBytes bytes = writeHeader(header);
    for (unsigned count = 1 + random() % 3; count > 0; --count)
      bytes[random() % 100] = static_cast<std::byte>(random() % 2 == 0 ? 0 : random() & 0xFF);
    codes.insert(codeOf([&] {
      CHECK(writeHeader(parseHeader(bytes, header.containerBytes())) == bytes);
    }));
  }
  CHECK(codes == (std::set<std::string>{"none", "not_a_container", "unsupported_version", "bad_header",
                                        "truncated", "trailing_bytes"}));
}

TEST("writeHeader() refuses what no header can say") {
  CHECK(codeOf([] { writeHeader(someHeader(kMaxPlaintextBytes + 1)); }) == "bad_header");
  CHECK(codeOf([] { writeHeader(someHeader(1, std::string(129, 'n'))); }) == "bad_header");
  CHECK(codeOf([] { writeHeader(someHeader(1, "two words")); }) == "bad_header");
}
