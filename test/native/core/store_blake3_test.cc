#include "core/store/blake3.h"

#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "core/store/posix.h"

using hearth::store::blake3Of;
using hearth::store::blake3Root;
using hearth::store::blake3Subtree;
using hearth::store::Digest;
using hearth::store::hexOf;

namespace {

struct Vector {
  size_t bytes;
  const char* hex;
};

/** The input of the official test vectors: 0, 1, ... 250, 0, 1, ... */
std::string inputOf(size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t at = 0; at < bytes; ++at) text[at] = static_cast<char>(at % 251);
  return text;
}

std::span<const std::byte> bytesOf(std::string_view text) { return std::as_bytes(std::span(text)); }

/** Of the whole from its parts, each hashed by a thread of its own. */
std::string byParts(std::string_view text, size_t partBytes) {
  const size_t parts = (text.size() + partBytes - 1) / partBytes;
  std::vector<Digest> subtrees(parts - 1);
  std::vector<std::thread> threads;
  for (size_t part = 0; part + 1 < parts; ++part)
    threads.emplace_back(
        [&, part] { subtrees[part] = blake3Subtree(part, bytesOf(text.substr(part * partBytes, partBytes))); });
  for (std::thread& thread : threads) thread.join();
  return hexOf(blake3Root(subtrees, partBytes, bytesOf(text.substr((parts - 1) * partBytes))));
}

}  // namespace

TEST("blake3Of() gives what the official test vectors say") {
  // hash of test_vectors.json, its first 32 bytes.
  const Vector vectors[] = {
      {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
      {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
      {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
      {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
      {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
      {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
      {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
      {3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"},
      {3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"},
      {4096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"},
      {4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"},
      {5120, "9cadc15fed8b5d854562b26a9536d9707cadeda9b143978f319ab34230535833"},
      {5121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"},
      {6144, "3e2e5b74e048f3add6d21faab3f83aa44d3b2278afb83b80b3c35164ebeca205"},
      {6145, "f1323a8631446cc50536a9f705ee5cb619424d46887f3c376c695b70e0f0507f"},
      {7168, "61da957ec2499a95d6b8023e2b0e604ec7f6b50e80a9678b89d2628e99ada77a"},
      {7169, "a003fc7a51754a9b3c7fae0367ab3d782dccf28855a03d435f8cfe74605e7817"},
      {8192, "aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"},
      {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"},
      {16384, "f875d6646de28985646f34ee13be9a576fd515f76b5b0a26bb324735041ddde4"},
      {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
      {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
  };
  for (const auto& [bytes, hex] : vectors) CHECK(hexOf(blake3Of(inputOf(bytes))) == hex);
}

TEST("blake3Join() of a chunk's pieces is its subtree") {
  const std::string text = inputOf(size_t{8} << 20);
  for (const size_t pieceBytes : {size_t{4} << 20, size_t{2} << 20, size_t{512} << 10, size_t{64} << 10}) {
    for (const uint64_t chunk : {0, 1}) {
      const auto bytes = bytesOf(text).subspan(chunk << 22, size_t{4} << 20);
      const size_t count = bytes.size() / pieceBytes;
      std::vector<Digest> pieces;
      for (size_t index = 0; index < count; ++index)
        pieces.push_back(blake3Subtree(chunk * count + index, bytes.subspan(index * pieceBytes, pieceBytes)));
      CHECK(hearth::store::blake3Join(pieces) == blake3Subtree(chunk, bytes));
    }
  }
}

TEST("blake3Root() of parts is the hash of the whole") {
  // By b3sum 1.2.0, which is written in Rust.
  const Vector vectors[] = {
      {4194305, "0460893a0170917e0d568bb27c0287984d4f7e9d59eafb95e6fb3c01ec611eab"},
      {8388608, "1adedad9735f565ac6e22dab203db63b960c27098f2c0f0fda9adf9238d4c0c9"},
      {20971521, "652c68fdf200eed735ce6725072033c5a5db0798e61a2ffefba145b93cd69039"},
      {29372473, "adf5b2976bd693cc2d690af495dcc97a7f29c14c2ca7ccc175f1158ea631c5bb"},
      {33554432, "f00ab3d8d7c313192cfbaf2f771090ba15b2e6a8fad9e805a146fbb8acdf55ce"},
  };
  for (const auto& [bytes, hex] : vectors) CHECK(byParts(inputOf(bytes), size_t{4} << 20) == hex);
  // Every shape of the tree up to 33 parts, with a last part that is whole, one byte, or anything.
  for (size_t parts = 1; parts <= 33; ++parts) {
    for (const size_t last : {1, 1024, 1025, 1500, 2048, 3071, 4095, 4096}) {
      const std::string text = inputOf((parts - 1) * 4096 + last);
      CHECK(byParts(text, 4096) == hexOf(blake3Of(text)));
    }
  }
  CHECK(hexOf(blake3Root({}, 4096, {})) == hexOf(blake3Of("")));
}
