#include "core/store/source.h"

#include <sys/stat.h>

#include "check.h"
#include "store_scene.h"

using namespace store_scene;

namespace {

std::string namesOf(const Source& source) {
  std::string names;
  for (const auto& file : source.files) names += file.name + " ";
  return names;
}

}  // namespace

TEST("describeSource() finds all files of a folder but hidden folders, sorted") {
  const Folder folder;
  put(folder / "m/model.safetensors", "1234");
  put(folder / "m/config.json", "{}");
  put(folder / "m/sub/tokenizer.json", "{}");
  put(folder / "m/.gitattributes", "x");
  put(folder / "m/.git/HEAD", "x");
  const Source source = describeSource(folder / "m");
  CHECK(namesOf(source) == ".gitattributes config.json model.safetensors sub/tokenizer.json ");
  CHECK(source.isFolder && source.bytes == 9 && std::string(source.fileSystem) == "tmpfs");
}

TEST("Source::key() changes with the size, the time and the path of a file") {
  const Folder folder;
  put(folder / "a", "1");
  put(folder / "b", "1");
  const std::string key = describeSource(folder / "a").key();
  CHECK(isId(key) && key == describeSource(folder / "a").key());
  CHECK(key != describeSource(folder / "b").key());
  put(folder / "a", "12");
  CHECK(key != describeSource(folder / "a").key());
}

TEST("describeSource() calls a file as it was asked for, not as its link's target") {
  const Folder folder;
  put(folder / "blobs/0123", "weights");
  std::filesystem::create_symlink(folder / "blobs/0123", folder / "model.gguf");
  const Source source = describeSource(folder / "model.gguf");
  CHECK(namesOf(source) == "model.gguf " && source.realPath.ends_with("/blobs/0123"));
}

TEST("describeSource() finds all files of a split model by its first") {
  const Folder folder;
  const auto part = [&](const char* name, const char* text) { put(folder / name, text); };
  part("m-00002-of-00003.gguf", "2");
  part("m-00003-of-00003.gguf", "33");
  part("m-00001-of-00003.gguf", "1");
  part("other.gguf", "no");
  const Source source = describeSource(folder / "m-00001-of-00003.gguf");
  CHECK(namesOf(source) == "m-00001-of-00003.gguf m-00002-of-00003.gguf m-00003-of-00003.gguf ");
  CHECK(source.isFolder && source.bytes == 4 && source.realPath.ends_with("/m-00001-of-00003.gguf"));
  const std::string key = source.key();
  part("m-00003-of-00003.gguf", "333");
  CHECK(describeSource(folder / "m-00001-of-00003.gguf").key() != key);
  // Only the first stands for all.
  CHECK(namesOf(describeSource(folder / "m-00002-of-00003.gguf")) == "m-00002-of-00003.gguf ");
  std::filesystem::remove(folder / "m-00002-of-00003.gguf");
  CHECK(codeOf([&] { describeSource(folder / "m-00001-of-00003.gguf"); }) == "source_missing");
}

TEST("describeSource() finds the files of a split model behind links, and split containers") {
  const Folder folder;
  for (const char* digit : {"1", "2"}) {
    const std::string name = std::string("m-0000") + digit + "-of-00002.gguf";
    const std::string blob = folder / (std::string("blobs/") + digit);
    put(blob, digit);
    std::filesystem::create_symlink(blob, folder / name);
    put(folder / (name + ".hearth"), digit);
  }
  const Source linked = describeSource(folder / "m-00001-of-00002.gguf");
  CHECK(namesOf(linked) == "m-00001-of-00002.gguf m-00002-of-00002.gguf ");
  CHECK(linked.files[1].path.ends_with("/blobs/2"));
  CHECK(namesOf(describeSource(folder / "m-00001-of-00002.gguf.hearth")) ==
        "m-00001-of-00002.gguf.hearth m-00002-of-00002.gguf.hearth ");
}

TEST("describeSource() takes what only looks like a split model as a file") {
  const Folder folder;
  for (const char* name : {"m-00001-of-00001.gguf", "m-0001-of-0002.gguf", "m-00001-of-00000.gguf", "-00001-of-00002.gguf",
                           "m-00001-of-00002.bin", "m-00001-of-99999.gguf", "m-00001-of-0000x.gguf"}) {
    put(folder / name, "1");
    const Source source = describeSource(folder / name);
    CHECK(namesOf(source) == std::string(name) + " " && !source.isFolder);
  }
}

TEST("describeSource() follows links within its folder and into the hub's blobs, and no others") {
  const Folder folder;
  put(folder / "models--x/blobs/0123", "weights");
  put(folder / "secret", "no");
  const std::string snapshot = folder / "models--x/snapshots/main";
  put(snapshot + "/config.json", "{}");
  std::filesystem::create_symlink("../../blobs/0123", snapshot + "/model.gguf");
  std::filesystem::create_symlink("config.json", snapshot + "/again.json");
  CHECK(namesOf(describeSource(snapshot)) == "again.json config.json model.gguf ");
  std::filesystem::create_symlink(folder / "secret", snapshot + "/out");
  CHECK(codeOf([&] { describeSource(snapshot); }) == "source_unsafe");
}

TEST("describeSource() refuses what is no file, names of the store's own, and nothing") {
  const Folder folder;
  CHECK(codeOf([&] { describeSource(folder / "none"); }) == "source_missing");
  std::filesystem::create_directory(folder / "empty");
  CHECK(codeOf([&] { describeSource(folder / "empty"); }) == "source_unsafe");
  put(folder / "own/.lease", "");
  CHECK(codeOf([&] { describeSource(folder / "own"); }) == "source_unsafe");
  put(folder / "pipe/file", "");
  mkfifo((folder / "pipe/fifo").c_str(), 0600);
  CHECK(codeOf([&] { describeSource(folder / "pipe"); }) == "source_unsafe");
  CHECK(codeOf([&] { describeSource(folder / "pipe/fifo"); }) == "source_unsafe");
  put(folder / "bad/line\nfeed", "");
  CHECK(codeOf([&] { describeSource(folder / "bad"); }) == "source_unsafe");
  std::filesystem::create_directories(folder / "loop");
  std::filesystem::create_symlink(".", folder / "loop/self");
  CHECK(codeOf([&] { describeSource(folder / "loop"); }) == "source_unsafe");
}

TEST("isSegmentFileName() takes relative names of printable UTF-8") {
  for (const char* good : {"a", "a/b", ".gitattributes", "größe.gguf", "a b"}) CHECK(isSegmentFileName(good));
  for (const char* bad : {"", "/a", "a/", "a//b", "..", "a/../b", "./a", ".owner", "a\x7f", "\xff"})
    CHECK(!isSegmentFileName(bad));
}

TEST("segmentJson() escapes quotes and backslashes of names") {
  const std::string json = segmentJson(Digest{}, {{"a\"b\\c", 3, Digest{}}}, false, 7);
  CHECK(json.find("\"name\":\"a\\\"b\\\\c\",\"bytes\":3") != std::string::npos);
  CHECK(json.ends_with("\"bytes\":3,\"stagedAtEpochMs\":7,\"encrypted\":false}\n"));
}
