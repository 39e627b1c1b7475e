#include "core/store/stage.h"

#include <sys/stat.h>

#include <thread>

#include "check.h"
#include "store_scene.h"

using namespace store_scene;

namespace {

constexpr size_t kOddBytes = (size_t{9} << 20) + 4321;

StageRequest withDigest(const std::string& text) {
  StageRequest request;
  request.digest = parseDigest(text);
  return request;
}

StageRequest withDecoders(bool damaged = false) {
  StageRequest request;
  request.decoders = std::make_shared<TurnOver>(damaged);
  return request;
}

/** Nothing of a staging that failed is left. */
void checkEmpty(const Store& store) {
  CHECK(entriesIn(store.layout().making()) == 0);
  CHECK(entriesIn(store.layout().book(Book::bases)) == 0);
  CHECK(entriesIn(store.layout().sources()) == 0);
  CHECK(store.usage(Book::bases).makingBytes == 0);
}

}  // namespace

TEST("stage() brings a file of any size whole into memory, from memory and from a disk") {
  for (const std::string& parent : {std::string(kMemory), diskFolder()}) {
    const Folder folder(parent);
    const Folder root;
    const Store store = Store::open(root / "store", false);
    for (const size_t length : {size_t{0}, size_t{1}, size_t{4096}, size_t{kChunkBytes}, kOddBytes}) {
      const std::string bytes = bytesOf(length, static_cast<unsigned>(length));
      put(folder / "model.gguf", bytes);
      const StageReport report = stageFile(store, folder / "model.gguf");
      CHECK(report.outcome == StageOutcome::staged && report.bytes == length);
      CHECK(report.contentId == idByContract(bytes).substr(0, kIdDigits));
      CHECK(contentsOf(report.lease.path + "/model.gguf") == bytes);
      CHECK(entriesIn(store.layout().making()) == 0 && !statOf(report.lease.path + "/.progress"));
    }
  }
}

TEST("stage() brings a folder, and its id is of names and contents") {
  const Folder folder;
  put(folder / "m/a.safetensors", bytesOf(kOddBytes));
  put(folder / "m/sub/config.json", "{}");
  put(folder / "m/empty", "");
  const Store store = Store::open(folder / "store", false);
  const StageReport report = stageFile(store, folder / "m");
  CHECK(contentsOf(report.lease.path + "/a.safetensors") == bytesOf(kOddBytes));
  CHECK(contentsOf(report.lease.path + "/sub/config.json") == "{}");
  const std::string lines = idByContract(bytesOf(kOddBytes)) + " " + std::to_string(kOddBytes) +
                            " a.safetensors\n" + idByContract("") + " 0 empty\n" + idByContract("{}") +
                            " 2 sub/config.json\n";
  CHECK(report.contentId == hexOf(blake3Of(lines)).substr(0, kIdDigits));
}

TEST("stage() finds what is there, and shares equal files of two paths") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kOddBytes));
  put(folder / "b.gguf", bytesOf(kOddBytes));
  const Store store = Store::open(folder / "store", false);
  const StageReport first = stageFile(store, folder / "a.gguf");
  CHECK(stageFile(store, folder / "a.gguf").outcome == StageOutcome::present);
  const StageReport other = stageFile(store, folder / "b.gguf");
  CHECK(other.outcome == StageOutcome::duplicate && other.lease.path == first.lease.path);
  CHECK(stageFile(store, folder / "b.gguf").outcome == StageOutcome::present);
}

TEST("stage() publishes what has the expected digest, and nothing else") {
  const Folder folder;
  const std::string bytes = bytesOf(kOddBytes);
  put(folder / "a.gguf", bytes);
  const Store store = Store::open(folder / "store", false);
  for (const std::string& wrong : {"sha256:" + hexOf(sha256Of("x")), "blake3:" + hexOf(blake3Of("x")),
                                   "tree:" + hexOf(blake3Of("x"))})
    CHECK(codeOf([&] { stageFile(store, folder / "a.gguf", withDigest(wrong)); }) == "digest_mismatch");
  checkEmpty(store);
  CHECK(stageFile(store, folder / "a.gguf").outcome == StageOutcome::staged);
  CHECK(codeOf([&] { stageFile(store, folder / "a.gguf", withDigest("sha256:" + hexOf(sha256Of("x")))); }) ==
        "digest_mismatch");
  const auto whole = stageFile(store, folder / "a.gguf", withDigest("sha256:" + hexOf(sha256Of(bytes))));
  CHECK(whole.outcome == StageOutcome::duplicate);
  put(folder / "b.gguf", bytes + "b");
  stageFile(store, folder / "b.gguf", withDigest("tree:" + idByContract(bytes + "b")));
  put(folder / "c.gguf", bytes + "c");
  stageFile(store, folder / "c.gguf", withDigest("blake3:" + idByContract(bytes + "c")));
  put(folder / "m/a.gguf", bytes);
  CHECK(codeOf([&] { stageFile(store, folder / "m", withDigest("sha256:" + std::string(64, '0'))); }) ==
        "invalid_argument");
}

TEST("parseDigest() takes the three kinds in lower-case hexadecimal digits") {
  for (const std::string& good : {"sha256:" + std::string(64, 'a'), "blake3:" + std::string(64, 'a')})
    CHECK(parseDigest(good) && parseDigest(good)->text() == good);
  CHECK(parseDigest("tree:" + std::string(64, 'a')) && parseDigest("tree:" + std::string(32, 'a')));
  for (const std::string& bad : {std::string("sha256:abc"), "tree:" + std::string(33, 'a'),
                                 "blake3:" + std::string(32, 'a'), std::string("md5:00"),
                                 "sha256:" + std::string(64, 'A'), std::string()})
    CHECK(!parseDigest(bad));
}

TEST("stage() by many at one time reads the source once") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kOddBytes));
  std::atomic<int> staged{0};
  std::atomic<int> others{0};
  std::vector<std::thread> threads;
  for (int index = 0; index < 6; ++index) {
    threads.emplace_back([&] {
      // Each with a store of its own, as processes have.
      const StageReport report = stageFile(Store::open(folder / "store", false), folder / "a.gguf");
      ++(report.outcome == StageOutcome::staged ? staged : others);
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(staged == 1 && others == 5);
  CHECK(entriesIn(folder / "store/making") == 0);
  for (const std::string& name : namesIn(folder / "store/locks")) CHECK(name == "store.lock" || name == "demand");
}

TEST("stage() stops when it is cancelled, and leaves nothing") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kOddBytes));
  const Store store = Store::open(folder / "store", false);
  RateCap cap;
  cap.set(1 << 20);
  Steering steering;
  StageRequest request;
  request.source = folder / "a.gguf";
  request.priority = Priority::prefetch;
  std::string code;
  const auto onProgress = [&](const StageProgress& told) {
    CHECK(told.bytes == kOddBytes && told.readyBytes < kOddBytes && !told.joined);
    steering.cancel();
  };
  code = codeOf([&] { stage(store, std::move(request), cap, steering, onProgress); });
  CHECK(code == "cancelled");
  checkEmpty(store);
}

TEST("stage() that waits for another sees how far that is, and takes over when it gives up") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kOddBytes));
  const Store store = Store::open(folder / "store", false);
  RateCap cap;
  cap.set(1);
  Steering steeringFirst;
  Steering steeringSecond;
  std::atomic<bool> begun{false};
  std::string code;
  std::thread first([&] {
    StageRequest slow;
    slow.source = folder / "a.gguf";
    slow.priority = Priority::prefetch;
    const auto onProgress = [&](const StageProgress&) { begun = true; };
    code = codeOf([&] { stage(store, std::move(slow), cap, steeringFirst, onProgress); });
  });
  while (!begun) std::this_thread::yield();
  StageRequest request;
  request.source = folder / "a.gguf";
  request.priority = Priority::prefetch;
  RateCap none;
  bool joined = false;
  const StageReport report = stage(store, std::move(request), none, steeringSecond, [&](const StageProgress& told) {
    joined = joined || (told.joined && told.bytes == kOddBytes);
    steeringFirst.cancel();
  });
  first.join();
  CHECK(code == "cancelled" && joined && report.outcome == StageOutcome::staged);
}

TEST("stage() opens containers, in memory as plaintext under the name without suffix") {
  const Folder folder;
  const std::string bytes = bytesOf(kOddBytes);
  put(folder / "a.gguf.hearth", TurnOver::containerOf(bytes));
  const Store store = Store::open(folder / "store", false);
  const StageReport report = stageFile(store, folder / "a.gguf.hearth", withDecoders());
  CHECK(report.encrypted && report.bytes == kOddBytes);
  CHECK(contentsOf(report.lease.path + "/a.gguf") == bytes);
  CHECK(report.contentId == idByContract(bytes).substr(0, kIdDigits));
  put(folder / "b.gguf", bytes);
  CHECK(stageFile(store, folder / "b.gguf", withDecoders()).outcome == StageOutcome::duplicate);
}

TEST("stage() into a durable store leaves containers closed, by the same id") {
  const Folder folder(diskFolder());
  const std::string bytes = bytesOf(kOddBytes);
  put(folder / "a.gguf.hearth", TurnOver::containerOf(bytes));
  const Store disk = Store::open(folder / "disk", true);
  StageRequest request = withDecoders();
  request.digest = parseDigest("sha256:" + hexOf(sha256Of(bytes)));
  const StageReport saved = stageFile(disk, folder / "a.gguf.hearth", std::move(request));
  CHECK(saved.contentId == idByContract(bytes).substr(0, kIdDigits));
  CHECK(contentsOf(saved.lease.path + "/a.gguf.hearth") == TurnOver::containerOf(bytes));

  const Folder root;
  const Store memory = Store::open(root / "store", false);
  StageRequest back = withDecoders();
  back.digest = parseDigest("sha256:" + hexOf(sha256Of(bytes)));
  back.source = Lease{Fd(dup(saved.lease.fd.get())), saved.lease.path};
  back.sourceKey = std::string(32, 'c');
  RateCap cap;
  Steering steering;
  const StageReport report = stage(memory, std::move(back), cap, steering, nobody);
  CHECK(report.contentId == saved.contentId && contentsOf(report.lease.path + "/a.gguf") == bytes);

  StageRequest out;
  out.source = Lease{Fd(dup(report.lease.fd.get())), report.lease.path};
  out.sourceKey = std::string(32, 'c');
  CHECK(codeOf([&] { stage(disk, std::move(out), cap, steering, nobody); }) == "encrypted_stays");
}

TEST("stage() publishes nothing of a container that its decoder finds damaged") {
  const Folder folder;
  put(folder / "a.hearth", TurnOver::containerOf(bytesOf(kOddBytes)));
  const Store store = Store::open(folder / "store", false);
  CHECK(codeOf([&] { stageFile(store, folder / "a.hearth", withDecoders(true)); }) == "chunk_damaged");
  checkEmpty(store);
}

TEST("stage() brings a segment to a disk and back, and notices when it was damaged there") {
  const Folder folder(diskFolder());
  const Folder root;
  put(folder / "m/a.safetensors", bytesOf(kOddBytes));
  put(folder / "m/config.json", "{}");
  const Store memory = Store::open(root / "store", false);
  const Store disk = Store::open(folder / "disk", true);
  StageReport report = stageFile(memory, folder / "m");
  const std::string key(32, 'd');
  RateCap cap;
  Steering steering;
  const auto between = [&](const Store& to, const Lease& from) {
    StageRequest request;
    request.source = Lease{Fd(dup(from.fd.get())), from.path};
    request.sourceKey = key;
    return stage(to, std::move(request), cap, steering, nobody);
  };
  const StageReport saved = between(disk, report.lease);
  CHECK(saved.contentId == report.contentId);
  report.lease.fd = Fd();
  CHECK(memory.evict(Book::bases, report.contentId).what == Eviction::evicted);
  const std::string file = saved.lease.path + "/config.json";
  chmod(file.c_str(), 0600);
  put(file, "[]");
  CHECK(codeOf([&] { between(memory, saved.lease); }) == "digest_mismatch");
  put(file, "{}");
  CHECK(between(memory, saved.lease).contentId == report.contentId);
}

TEST("stage() is refused by the budget before anything is read") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kOddBytes));
  const Store store = Store::open(folder / "store", false);
  StageRequest request;
  request.budgetBytes = size_t{9} << 20;
  CHECK(codeOf([&] { stageFile(store, folder / "a.gguf", std::move(request)); }) == "store_full");
  checkEmpty(store);
}

TEST("stage() says when its source is cut while it is read") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kOddBytes));
  const Store store = Store::open(folder / "store", false);
  RateCap cap;
  cap.set(16 << 20);
  Steering steering;
  StageRequest request;
  request.source = folder / "a.gguf";
  request.priority = Priority::prefetch;
  const std::string path = folder / "a.gguf";
  CHECK(codeOf([&] {
          stage(store, std::move(request), cap, steering,
                [&](const StageProgress&) { CHECK(truncate(path.c_str(), 100) == 0); });
        }) == "source_changed");
  checkEmpty(store);
}

TEST("readProgress() tells how far another is, and ignores what is no such file") {
  const Folder folder;
  ProgressFile progress(folder / ".progress", 100, 17);
  progress.markReady(16, 40);
  const auto read = readProgress(folder / ".progress");
  CHECK(read && read->bytes == 100 && read->readyBytes == 40);
  const std::string map = contentsOf(folder / ".progress");
  CHECK(map[32] == 0 && map[33] == 0 && map[34] == 1);
  put(folder / "other", std::string(100, 'x'));
  CHECK(!readProgress(folder / "other") && !readProgress(folder / "none"));
}
