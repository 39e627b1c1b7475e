#include "core/crypt/sealed_file.h"

#include "check.h"
#include "core/crypt/files.h"
#include "core/crypt/transfer.h"
#include "crypt_scene.h"

using namespace hearth::crypt;
using namespace scene;

namespace {

/** A text of two chunks, "plain", and its container, "sealed". */
struct Scene {
  Scene() {
    folder.write("plain", text);
    Progress progress;
    encryptFile({folder.at("plain"), folder.at("sealed"), 1}, keyOf(3), "main", progress);
  }
  Folder folder;
  Bytes text = randomBytes(kChunkBytes + 10);
};

}  // namespace

TEST("SealedFile opens chunks in any order, also when its file is closed") {
  const Scene scene;
  auto source = std::make_unique<SourceFile>(scene.folder.at("sealed"));
  const Header header = readHeader(source->descriptor(), source->bytes());
  CHECK(header.keyName == "main");
  const SealedFile sealed(source->descriptor(), header, keyOf(3));
  Bytes last(10);
  Bytes first(kChunkBytes);
  source->read(header.chunkOffset(1), last);
  source->read(header.chunkOffset(0), first);
  source.reset();
  sealed.open(1, last);
  sealed.open(0, first);
  first.insert(first.end(), last.begin(), last.end());
  CHECK(first == scene.text);
}

TEST("SealedFile refuses a wrong key, and chunks that are none of its own") {
  const Scene scene;
  const SourceFile source(scene.folder.at("sealed"));
  const Header header = readHeader(source.descriptor(), source.bytes());
  CHECK(codeOf([&] { SealedFile(source.descriptor(), header, keyOf(4)); }) == "wrong_key");
  const SealedFile sealed(source.descriptor(), header, keyOf(3));
  Bytes data(10);
  source.read(header.chunkOffset(1), data);
  for (const uint64_t chunk : {uint64_t{0}, uint64_t{2}, UINT64_MAX})
    CHECK(codeOf([&] { sealed.open(chunk, data); }) == "chunk_damaged");
}

TEST("SealedFile finds a file that was cut since its header was read") {
  const Scene scene;
  const SourceFile source(scene.folder.at("sealed"));
  const Header header = readHeader(source.descriptor(), source.bytes());
  std::filesystem::resize_file(scene.folder.at("sealed"), header.containerBytes() - 1);
  CHECK(codeOf([&] { SealedFile(source.descriptor(), header, keyOf(3)); }) == "truncated");
  std::filesystem::resize_file(scene.folder.at("sealed"), 100);
  CHECK(codeOf([&] { readHeader(source.descriptor(), source.bytes()); }) == "truncated");
}
