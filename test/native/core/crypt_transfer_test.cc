#include "core/crypt/transfer.h"

#include <sys/stat.h>

#include "check.h"
#include "core/crypt/files.h"
#include "crypt_scene.h"

using namespace hearth::crypt;
using namespace scene;

namespace {

ContainerInfo encrypt(const Folder& folder, const std::string& from, const std::string& to, unsigned key = 3,
                      unsigned threads = 3) {
  Progress progress;
  return encryptFile({folder.at(from), folder.at(to), threads}, keyOf(key), "main", progress);
}

ContainerInfo decrypt(const Folder& folder, const std::string& from, const std::string& to, unsigned key = 3) {
  Progress progress;
  return decryptFile({folder.at(from), folder.at(to), 3}, keyOf(key), progress);
}

/** A folder with a text of three chunks, "plain", and its container, "sealed". */
struct Scene {
  Scene() {
    folder.write("plain", text);
    encrypt(folder, "plain", "sealed");
  }
  /** What decrypting says of the container after `change`, and that nothing was left behind. */
  template <typename Change>
  std::string refusal(Change&& change) const {
    Bytes bytes = folder.read("sealed");
    change(bytes);
    folder.write("changed", bytes);
    const std::string code = codeOf([&] { decrypt(folder, "changed", "out"); });
    // The text, its container, and the damaged one.
    CHECK(folder.entries() == 3);
    return code;
  }
  Folder folder;
  Bytes text = randomBytes(2 * kChunkBytes + 1000);
};

mode_t modeOf(const std::string& path) {
  struct stat state = {};
  stat(path.c_str(), &state);
  return state.st_mode & 07777;
}

}  // namespace

TEST("decryptFile() gives back what encryptFile() took, at every edge of a size") {
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, kChunkBytes - 1, kChunkBytes, kChunkBytes + 1,
                               3 * kChunkBytes}) {
    const Folder folder;
    const Bytes text = randomBytes(bytes);
    folder.write("plain", text);
    const ContainerInfo made = encrypt(folder, "plain", "sealed");
    CHECK(made.plaintextBytes == bytes && made.keyName == "main");
    CHECK(made.containerBytes == std::filesystem::file_size(folder.at("sealed")));
    CHECK(decrypt(folder, "sealed", "again").plaintextBytes == bytes);
    CHECK(folder.read("again") == text);
    CHECK(folder.entries() == 3);
  }
}

TEST("decryptFile() makes a file for its owner alone") {
  const Scene scene;
  decrypt(scene.folder, "sealed", "out");
  CHECK(modeOf(scene.folder.at("out")) == 0600);
}

TEST("decryptFile() refuses every kind of damage by its name, and leaves nothing behind") {
  const Scene scene;
  const size_t tags = kHeaderBytes + scene.text.size();
  const auto chunkAt = [](Bytes& bytes, size_t chunk) {
    return bytes.begin() + static_cast<ptrdiff_t>(kHeaderBytes + chunk * kChunkBytes);
  };
  CHECK(scene.refusal([](Bytes& bytes) { flip(bytes[0]); }) == "not_a_container");
  CHECK(scene.refusal([](Bytes& bytes) { bytes[8] = std::byte{9}; }) == "unsupported_version");
  CHECK(scene.refusal([](Bytes& bytes) { flip(bytes[12]); }) == "bad_header");
  CHECK(scene.refusal([](Bytes& bytes) { flip(bytes[64]); }) == "wrong_key");
  CHECK(scene.refusal([](Bytes& bytes) { flip(bytes[56]); }) == "chunk_damaged");
  CHECK(scene.refusal([](Bytes& bytes) { flip(bytes[kHeaderBytes + 77]); }) == "chunk_damaged");
  CHECK(scene.refusal([&](Bytes& bytes) { flip(bytes[tags + 16]); }) == "chunk_damaged");
  CHECK(scene.refusal([](Bytes& bytes) { bytes.pop_back(); }) == "truncated");
  CHECK(scene.refusal([](Bytes& bytes) { bytes.resize(kHeaderBytes / 2); }) == "truncated");
  CHECK(scene.refusal([](Bytes& bytes) { bytes.push_back(std::byte{0}); }) == "trailing_bytes");
  CHECK(scene.refusal([&](Bytes& bytes) {
          std::swap_ranges(chunkAt(bytes, 0), chunkAt(bytes, 1), chunkAt(bytes, 1));
          const auto firstTag = bytes.begin() + static_cast<ptrdiff_t>(tags);
          std::swap_ranges(firstTag, firstTag + 16, firstTag + 16);
        }) == "chunk_damaged");
}

TEST("decryptFile() names the first damaged chunk") {
  const Scene scene;
  Bytes bytes = scene.folder.read("sealed");
  for (const size_t chunk : {1, 2}) flip(bytes[kHeaderBytes + chunk * kChunkBytes]);
  scene.folder.write("changed", bytes);
  const std::string words = wordsOf([&] { decrypt(scene.folder, "changed", "out"); });
  CHECK(words == "expected 3 chunks as they were sealed against damage in chunk 1, counted from 0");
}

TEST("decryptFile() tells a wrong key") {
  const Scene scene;
  CHECK(codeOf([&] { decrypt(scene.folder, "sealed", "out", 4); }) == "wrong_key");
  CHECK(scene.folder.entries() == 2);
}

TEST("encryptFile() replaces nothing, not even a link that leads nowhere") {
  const Scene scene;
  CHECK(codeOf([&] { encrypt(scene.folder, "plain", "sealed"); }) == "exists");
  std::filesystem::create_symlink("nowhere", scene.folder.at("link"));
  CHECK(codeOf([&] { encrypt(scene.folder, "plain", "link"); }) == "exists");
  CHECK(codeOf([&] { decrypt(scene.folder, "sealed", "plain"); }) == "exists");
  CHECK(scene.folder.read("plain") == scene.text);
}

TEST("encryptFile() refuses a container, a folder, a pipe and what is not there") {
  const Scene scene;
  CHECK(codeOf([&] { encrypt(scene.folder, "sealed", "twice"); }) == "already_encrypted");
  CHECK(codeOf([&] { encrypt(scene.folder, ".", "out"); }) == "io_failed");
  mkfifo(scene.folder.at("pipe").c_str(), 0600);
  CHECK(codeOf([&] { encrypt(scene.folder, "pipe", "out"); }) == "io_failed");
  CHECK(codeOf([&] { encrypt(scene.folder, "missing", "out"); }) == "not_found");
  CHECK(codeOf([&] { encrypt(scene.folder, "plain", "missing/out"); }) == "io_failed");
}

TEST("encryptFile() stops when it is cancelled, and leaves nothing behind") {
  const Scene scene;
  Progress progress;
  progress.cancelled = true;
  const Transfer transfer{scene.folder.at("plain"), scene.folder.at("out"), 2};
  CHECK(codeOf([&] { encryptFile(transfer, keyOf(3), "main", progress); }) == "cancelled");
  CHECK(progress.doneBytes == 0 && progress.totalBytes == scene.text.size());
  CHECK(scene.folder.entries() == 2);
}

TEST("decryptFile() counts what it has done") {
  const Scene scene;
  Progress progress;
  decryptFile({scene.folder.at("sealed"), scene.folder.at("out"), 2}, keyOf(3), progress);
  CHECK(progress.doneBytes == scene.text.size());
}

TEST("inspectContainer() reads the name of the key without it") {
  const Scene scene;
  const ContainerInfo info = inspectContainer(scene.folder.at("sealed"));
  CHECK(info.keyName == "main" && info.plaintextBytes == scene.text.size());
  CHECK(codeOf([&] { inspectContainer(scene.folder.at("plain")); }) == "not_a_container");
}

TEST("SourceFile notices that its file grew, shrank or was written to") {
  const Folder folder;
  const auto changed = [&](auto&& change) {
    folder.write("file", Bytes(100));
    // An old time, so that a write in the same tick of the clock is seen as well.
    std::filesystem::last_write_time(folder.at("file"), {});
    const SourceFile source(folder.at("file"));
    change();
    return codeOf([&] {
      Bytes bytes(100);
      source.read(0, bytes);
      source.checkUnchanged();
    });
  };
  CHECK(changed([] {}) == "none");
  CHECK(changed([&] { folder.write("file", Bytes(101)); }) == "source_changed");
  CHECK(changed([&] { std::filesystem::resize_file(folder.at("file"), 99); }) == "source_changed");
  CHECK(changed([&] { folder.write("file", randomBytes(100)); }) == "source_changed");
}

TEST("PartialFile says that there is no room before anything is written") {
  const Folder folder("/dev/shm");
  CHECK(codeOf([&] { PartialFile(folder.at("huge"), uint64_t{1} << 50, 0600); }) == "no_space");
  CHECK(folder.entries() == 0);
}

TEST("PartialFile replaces nothing that came to its name meanwhile") {
  const Folder folder;
  {
    PartialFile file(folder.at("name"), 10, 0600);
    CHECK(!std::filesystem::exists(folder.at("name")));
    folder.write("name", Bytes(3));
    CHECK(codeOf([&] { file.publish(); }) == "exists");
  }
  CHECK(folder.read("name").size() == 3 && folder.entries() == 1);
}
