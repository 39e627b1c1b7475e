#include "core/store/containers.h"

#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "core/crypt/transfer.h"
#include "crypt_scene.h"
#include "store_scene.h"

using namespace store_scene;

namespace {

constexpr size_t kOddBytes = (size_t{9} << 20) + 4321;
constexpr unsigned kKey = 3;

/** Makes a container out of a text, under the key of `kKey`. */
void seal(const std::string& path, const std::string& text, const std::string& keyName = "main") {
  put(path + ".plain", text);
  hearth::crypt::Progress progress;
  hearth::crypt::encryptFile({path + ".plain", path, 2}, scene::keyOf(kKey), keyName, progress);
  std::filesystem::remove(path + ".plain");
}

StageRequest withKey(unsigned key = kKey, const std::string& name = "main") {
  auto ring = std::make_shared<KeyRing>();
  ring->add(name, scene::keyOf(key));
  StageRequest request;
  request.decoders = std::move(ring);
  return request;
}

/** What the staging of a container says that somebody has spoilt, and that it leaves nothing. */
std::string codeOfSpoilt(const std::function<void(std::string&)>& spoil) {
  const Folder folder;
  seal(folder / "a.gguf.hearth", bytesOf(kOddBytes));
  std::string container = contentsOf(folder / "a.gguf.hearth");
  spoil(container);
  put(folder / "a.gguf.hearth", container);
  const Store store = Store::open(folder / "store", false);
  const std::string code = codeOf([&] { stageFile(store, folder / "a.gguf.hearth", withKey()); });
  CHECK(entriesIn(store.layout().making()) == 0);
  CHECK(entriesIn(store.layout().book(Book::bases)) == 0);
  CHECK(entriesIn(store.layout().sources()) == 0);
  return code;
}

/** The VmFlags of /proc/self/smaps of the mapping whose file ends so. */
std::string flagsOfMapping(const std::string& path) {
  std::ifstream smaps("/proc/self/smaps");
  bool isIt = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.find('-') < line.find(' ')) isIt = line.ends_with(path);
    if (isIt && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

/** The same of the mapping that an address lies in. */
std::string flagsOfAddress(const void* address) {
  std::ifstream smaps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<unsigned long>(address);
  bool isIt = false;
  for (std::string line; std::getline(smaps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) isIt = from <= wanted && wanted < to;
    if (isIt && line.starts_with("VmFlags:")) return line + " ";
  }
  return "";
}

}  // namespace

TEST("stage() opens real containers of any size, from memory and from a disk") {
  for (const std::string& parent : {std::string(kMemory), diskFolder()}) {
    const Folder folder(parent);
    const Folder root;
    const Store store = Store::open(root / "store", false);
    for (const size_t length : {size_t{0}, size_t{1}, size_t{4096}, size_t{kChunkBytes}, kOddBytes}) {
      const std::string bytes = bytesOf(length, static_cast<unsigned>(length));
      const std::string path = folder / (std::to_string(length) + ".gguf");
      seal(path + ".hearth", bytes);
      const StageReport report = stageFile(store, path + ".hearth", withKey());
      CHECK(report.encrypted && report.outcome == StageOutcome::staged && report.bytes == length);
      CHECK(report.contentId == idByContract(bytes).substr(0, kIdDigits));
      const std::string plain = report.lease.path + "/" + std::to_string(length) + ".gguf";
      CHECK(contentsOf(plain) == bytes);
      CHECK((statOf(plain)->st_mode & 07777) == 0400);
      const StageReport again = stageFile(store, path + ".hearth");
      CHECK(again.outcome == StageOutcome::present && again.encrypted);
    }
  }
}

TEST("stage() opens the containers of a folder and leaves its plain files, by the id of the plaintext") {
  const Folder folder;
  seal(folder / "sealed/a.safetensors.hearth", bytesOf(kOddBytes));
  seal(folder / "sealed/sub/empty.hearth", "", "other");
  put(folder / "sealed/config.json", "{}");
  put(folder / "plain/a.safetensors", bytesOf(kOddBytes));
  put(folder / "plain/sub/empty", "");
  put(folder / "plain/config.json", "{}");
  const Store store = Store::open(folder / "store", false);
  StageRequest request;
  auto ring = std::make_shared<KeyRing>();
  ring->add("main", scene::keyOf(kKey));
  ring->add("other", scene::keyOf(kKey));
  request.decoders = std::move(ring);
  const StageReport report = stageFile(store, folder / "sealed", std::move(request));
  CHECK(report.encrypted && contentsOf(report.lease.path + "/a.safetensors") == bytesOf(kOddBytes));
  CHECK(contentsOf(report.lease.path + "/config.json") == "{}");
  const StageReport plain = stageFile(store, folder / "plain");
  CHECK(plain.outcome == StageOutcome::duplicate && plain.contentId == report.contentId);
}

TEST("stage() asks for the key by the name that the container says") {
  const Folder folder;
  seal(folder / "a.hearth", "text");
  seal(folder / "b.hearth", "text", "");
  const Store store = Store::open(folder / "store", false);
  const auto askedFor = [&](const std::string& name, StageRequest request) -> std::optional<std::string> {
    try {
      stageFile(store, folder / name, std::move(request));
    } catch (const StoreFailure& failure) {
      CHECK(std::string(failure.code) == "key_required");
      return failure.keyName;
    }
    return std::nullopt;
  };
  CHECK(askedFor("a.hearth", {}) == "main");
  CHECK(askedFor("a.hearth", withKey(kKey, "other")) == "main");
  CHECK(askedFor("b.hearth", withKey()) == "");
  CHECK(!askedFor("b.hearth", withKey(kKey, "")));
  CHECK(codeOf([&] { stageFile(store, folder / "a.hearth", withKey(kKey + 1)); }) == "wrong_key");
}

TEST("stage() has a code for every way in which a container is spoilt, and leaves nothing") {
  const auto flipAt = [](size_t at) {
    return [at](std::string& container) { container[at] = static_cast<char>(container[at] ^ 1); };
  };
  const size_t lastChunk = kPageBytes + 2 * kChunkBytes;
  CHECK(codeOfSpoilt(flipAt(kPageBytes)) == "chunk_damaged");
  CHECK(codeOfSpoilt(flipAt(lastChunk + 5)) == "chunk_damaged");
  CHECK(codeOfSpoilt(flipAt(kPageBytes + kOddBytes)) == "chunk_damaged");
  CHECK(codeOfSpoilt([](std::string& container) {
          std::swap_ranges(container.begin() + kPageBytes, container.begin() + kPageBytes + kChunkBytes,
                           container.begin() + kPageBytes + kChunkBytes);
        }) == "chunk_damaged");
  CHECK(codeOfSpoilt([](std::string& container) { container.pop_back(); }) == "truncated");
  CHECK(codeOfSpoilt([](std::string& container) { container.resize(100); }) == "truncated");
  CHECK(codeOfSpoilt([](std::string& container) { container += 'x'; }) == "trailing_bytes");
  CHECK(codeOfSpoilt(flipAt(24)) == "wrong_key");
  CHECK(codeOfSpoilt(flipAt(56)) == "chunk_damaged");
  CHECK(codeOfSpoilt(flipAt(8)) == "unsupported_version");
  CHECK(codeOfSpoilt(flipAt(12)) == "bad_header");
}

TEST("stage() notices that an empty container was not empty when it was sealed") {
  const Folder folder;
  seal(folder / "a.hearth", "");
  std::string container = contentsOf(folder / "a.hearth");
  container.back() = static_cast<char>(container.back() ^ 1);
  put(folder / "a.hearth", container);
  const Store store = Store::open(folder / "store", false);
  CHECK(codeOf([&] { stageFile(store, folder / "a.hearth", withKey()); }) == "chunk_damaged");
  CHECK(entriesIn(store.layout().book(Book::bases)) == 0);
}

TEST("stage() refuses containers whose plain names meet another file or the store's own") {
  const Folder folder;
  seal(folder / "twice/a.gguf.hearth", "text");
  put(folder / "twice/a.gguf", "other");
  seal(folder / "own/.segment.json.hearth", "{}");
  seal(folder / "own/.lease.hearth", "");
  const Store store = Store::open(folder / "store", false);
  for (const char* name : {"twice", "own"})
    CHECK(codeOf([&] { stageFile(store, folder / name, withKey()); }) == "source_unsafe");
  CHECK(entriesIn(store.layout().making()) == 0);
}

TEST("stage() keeps plaintext out of a store that is not in memory") {
  const Folder folder(diskFolder());
  seal(folder / "a.gguf.hearth", bytesOf(kOddBytes));
  // Where the temporary folder is in memory there is no disk to keep it from.
  const bool isDisk = std::string(describeSource(folder / "a.gguf.hearth").fileSystem) != "tmpfs";
  const Store store = Store::open(folder / "store", false);
  CHECK(codeOf([&] { stageFile(store, folder / "a.gguf.hearth", withKey()); }) ==
        (isDisk ? "encrypted_stays" : "none"));
  CHECK(entriesIn(store.layout().making()) == 0);
}

TEST("stage() copies a container to a durable store as it is, and from there into memory") {
  const Folder folder(diskFolder());
  const Folder root;
  const std::string bytes = bytesOf(kOddBytes);
  seal(folder / "a.gguf.hearth", bytes);
  const Store disk = Store::open(folder / "disk", true);
  CHECK(codeOf([&] { stageFile(disk, folder / "a.gguf.hearth"); }) == "key_required");
  const StageReport saved = stageFile(disk, folder / "a.gguf.hearth", withKey());
  CHECK(saved.encrypted && saved.contentId == idByContract(bytes).substr(0, kIdDigits));
  CHECK(contentsOf(saved.lease.path + "/a.gguf.hearth") == contentsOf(folder / "a.gguf.hearth"));
  const Store memory = Store::open(root / "store", false);
  StageRequest back = withKey();
  back.source = Lease{Fd(dup(saved.lease.fd.get())), saved.lease.path};
  back.sourceKey = std::string(32, 'e');
  RateCap cap;
  Steering steering;
  const StageReport report = stage(memory, std::move(back), cap, steering, nobody);
  CHECK(report.contentId == saved.contentId && contentsOf(report.lease.path + "/a.gguf") == bytes);
}

TEST("ChunkTarget keeps the plaintext of a container out of core dumps, and nothing else") {
  const Folder folder;
  for (const bool secret : {true, false}) {
    const std::string path = folder / (secret ? "secret" : "plain");
    put(path, std::string(kPageBytes, 'x'));
    TargetOptions options;
    options.secret = secret;
    const ChunkTarget target(path, kPageBytes, options);
    const std::string flags = flagsOfMapping(path);
    CHECK(!flags.empty() && (flags.find(" dd ") != std::string::npos) == secret);
  }
}

TEST("ChunkBuffer::lock() keeps plaintext out of the swap where it may, and says so where it may not") {
  ChunkBuffer buffer;
  const bool can = ChunkBuffer::canLock(1);
  CHECK((codeOf([&] { buffer.lock(); }) == "none") == can);
  const std::span<std::byte> bytes = buffer.bytes(kChunkBytes);
  bytes[0] = std::byte{1};
  const std::string flags = flagsOfAddress(bytes.data());
  CHECK(flags.find(" dd ") != std::string::npos && (flags.find(" lo ") != std::string::npos) == can);
}

TEST("sealOf() tells whether a source is encrypted and with which key, without one") {
  const Folder folder;
  seal(folder / "m/b.hearth", "text", "main");
  put(folder / "m/a", "text");
  put(folder / "m/empty", "");
  seal(folder / "unnamed.hearth", "text", "");
  put(folder / "bad.hearth", "HEARTHW1" + bytesOf(kPageBytes));
  const SourceSeal seal = sealOf(describeSource(folder / "m"));
  CHECK(seal.encrypted && seal.keyName == "main");
  const SourceSeal unnamed = sealOf(describeSource(folder / "unnamed.hearth"));
  CHECK(unnamed.encrypted && unnamed.keyName.empty());
  CHECK(!sealOf(describeSource(folder / "m/a")).encrypted);
  CHECK(codeOf([&] { sealOf(describeSource(folder / "bad.hearth")); }) == "unsupported_version");
  const Source gone = describeSource(folder / "m/a");
  std::filesystem::remove(folder / "m/a");
  CHECK(codeOf([&] { sealOf(gone); }) == "source_missing");
}
