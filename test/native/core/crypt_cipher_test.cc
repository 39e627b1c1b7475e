#include "core/crypt/cipher.h"

#include <numeric>
#include <thread>

#include "check.h"
#include "core/crypt/hkdf.h"
#include "crypt_scene.h"

using namespace hearth::crypt;
using namespace scene;

namespace {

/** A chunk and its tag. */
struct Sealed {
  Bytes data;
  std::array<std::byte, kTagBytes> tag = {};
};

/** A text of three chunks, the last a short one, and what became of each. */
struct Message {
  explicit Message(uint64_t bytes = 2 * kChunkBytes + 5)
      : key(keyOf(3)), text(randomBytes(bytes)), cipher(makeHeader(bytes, "main", key), key) {
    for (uint64_t chunk = 0; chunk < cipher.header().chunks(); ++chunk) {
      Sealed sealed{plain(chunk)};
      CHECK(cipher.seal(chunk, sealed.data, sealed.tag));
      chunks.push_back(sealed);
    }
  }
  Bytes plain(uint64_t chunk) const {
    const auto begin = text.begin() + static_cast<ptrdiff_t>(chunk * kChunkBytes);
    return {begin, begin + static_cast<ptrdiff_t>(cipher.header().chunkLength(chunk))};
  }

  SecretKey key;
  Bytes text;
  Cipher cipher;
  std::vector<Sealed> chunks;
};

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte each : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(each));
    text += digits;
  }
  return text;
}

/** The bytes from `first` on, each one more than the one before. */
template <size_t Length>
std::array<std::byte, Length> countingFrom(unsigned first) {
  std::array<std::byte, Length> bytes;
  for (size_t index = 0; index < Length; ++index) bytes[index] = static_cast<std::byte>(first + index);
  return bytes;
}

}  // namespace

TEST("hkdf() derives what Python's cryptography derives") {
  const SecretKey key(std::span<const std::byte, 32>(countingFrom<32>(0)));
  const auto salt = countingFrom<32>(100);
  Secret<32> fileKey;
  hkdf(key, salt, "hearth weights v1", fileKey.bytes());
  CHECK(hex(fileKey.bytes()) == "860e4c1caa184cb1c91e2c352a2309ce0b1642988808af731047a4afee1f2792");
  Secret<16> check;
  hkdf(key, salt, "hearth weights v1 check", check.bytes());
  CHECK(hex(check.bytes()) == "cb1930e40d55d043932b66183aadcc53");
}

TEST("Secret wipes what it is moved from") {
  SecretKey key = keyOf(1);
  const std::string before = hex(key.bytes());
  SecretKey moved = std::move(key);
  CHECK(hex(moved.bytes()) == before);
  CHECK(hex(key.bytes()) == std::string(64, '0'));
  SecretKey assigned;
  assigned = std::move(moved);
  CHECK(hex(assigned.bytes()) == before && hex(moved.bytes()) == std::string(64, '0'));
}

TEST("Cipher opens what it sealed, and what is sealed is not the text") {
  Message message;
  for (uint64_t chunk = 0; chunk < 3; ++chunk) {
    Sealed& sealed = message.chunks[chunk];
    CHECK(sealed.data != message.plain(chunk));
    CHECK(message.cipher.open(chunk, sealed.data, sealed.tag));
    CHECK(sealed.data == message.plain(chunk));
  }
}

TEST("Cipher seals an empty text as one chunk that can be opened") {
  Message message(0);
  CHECK(message.chunks.size() == 1);
  CHECK(message.cipher.open(0, message.chunks[0].data, message.chunks[0].tag));
  flip(message.chunks[0].tag[0]);
  CHECK(!message.cipher.open(0, message.chunks[0].data, message.chunks[0].tag));
}

TEST("Cipher refuses any flipped bit of a chunk and of its tag") {
  std::mt19937_64 random(5);
  Message message(100);
  const Sealed& good = message.chunks[0];
  for (size_t at = 0; at < good.data.size(); ++at) {
    Sealed bad = good;
    flip(bad.data[at], static_cast<unsigned>(random() % 8));
    CHECK(!message.cipher.open(0, bad.data, bad.tag));
  }
  for (unsigned bit = 0; bit < 128; ++bit) {
    Sealed bad = good;
    flip(bad.tag[bit / 8], bit % 8);
    CHECK(!message.cipher.open(0, bad.data, bad.tag));
  }
}

TEST("Cipher refuses a chunk in another's place and a chunk of another length") {
  Message message(3 * kChunkBytes);
  for (const uint64_t place : {1, 2, 3}) {
    Sealed moved = message.chunks[0];
    CHECK(!message.cipher.open(place, moved.data, moved.tag));
  }
  Sealed shorter = message.chunks[2];
  shorter.data.pop_back();
  CHECK(!message.cipher.open(2, shorter.data, shorter.tag));
  CHECK(!message.cipher.seal(2, shorter.data, shorter.tag));
  CHECK(!message.cipher.seal(3, shorter.data, shorter.tag));
}

TEST("Cipher refuses the chunks of a header that says something else") {
  Message message;
  const auto refuses = [&](auto&& change, uint64_t chunk) {
    Header header = message.cipher.header();
    change(header);
    const Cipher other(header, message.key);
    Sealed sealed = message.chunks[chunk];
    return !other.open(chunk, sealed.data, sealed.tag);
  };
  CHECK(refuses([](Header& header) { header.keyName = "other"; }, 0));
  CHECK(refuses([](Header& header) { flip(header.noncePrefix[6]); }, 0));
  // Cut after the second chunk, and lengthened by a third one that is full.
  CHECK(refuses([](Header& header) { header.plaintextBytes = 2 * kChunkBytes; }, 1));
  CHECK(refuses([](Header& header) { header.plaintextBytes += kChunkBytes; }, 0));
}

TEST("Cipher tells a wrong key before any chunk is read") {
  const Message message;
  const Header& header = message.cipher.header();
  CHECK(codeOf([&] { Cipher(header, keyOf(4)); }) == "wrong_key");
  CHECK(codeOf([&] { Cipher(header, keyOf(3)); }) == "none");
  Header salted = header;
  flip(salted.salt[31]);
  CHECK(codeOf([&] { Cipher(salted, keyOf(3)); }) == "wrong_key");
}

TEST("makeHeader() never makes the same header twice, and refuses a name that cannot be written") {
  const SecretKey key = keyOf(1);
  const Header one = makeHeader(5, "main", key);
  const Header other = makeHeader(5, "main", key);
  CHECK(one.salt != other.salt && one.noncePrefix != other.noncePrefix && one.keyCheck != other.keyCheck);
  CHECK(codeOf([&] { makeHeader(5, "two words", key); }) == "bad_header");
}

TEST("Cipher seals equal chunks differently") {
  Message message(2 * kChunkBytes);
  Sealed zeros[] = {{Bytes(kChunkBytes)}, {Bytes(kChunkBytes)}};
  for (uint64_t chunk = 0; chunk < 2; ++chunk)
    CHECK(message.cipher.seal(chunk, zeros[chunk].data, zeros[chunk].tag));
  CHECK(zeros[0].data != zeros[1].data && zeros[0].tag != zeros[1].tag);
}

TEST("Cipher serves several threads at a time") {
  const Message message(8 * kChunkBytes);
  std::vector<int> opened(8);
  {
    std::vector<std::jthread> threads;
    for (uint64_t chunk = 0; chunk < 8; ++chunk) {
      threads.emplace_back([&, chunk] {
        for (int round = 0; round < 3; ++round) {
          Sealed sealed = message.chunks[chunk];
          if (message.cipher.open(chunk, sealed.data, sealed.tag) && sealed.data == message.plain(chunk))
            ++opened[chunk];
        }
      });
    }
  }
  CHECK(std::accumulate(opened.begin(), opened.end(), 0) == 24);
}
