#include "core/store/store.h"

#include <sys/file.h>
#include <sys/stat.h>

#include "check.h"
#include "core/store/locks.h"
#include "store_scene.h"

using namespace store_scene;

namespace {

const std::string kKey(32, 'a');

/** A segment of one file, published as staging does it. */
Published publishText(const Store& store, const std::string& text, Book book = Book::bases,
                      const std::string& key = kKey) {
  const std::vector<PlannedFile> files = {{"model.gguf", text.size()}};
  Making making = store.reserve(book, files, std::nullopt);
  put(making.path() + "/model.gguf", text);
  const Digest content = blake3Of(text);
  return store.publish(std::move(making), book, content, "{}\n", key, files);
}

std::string idOf(const std::string& text) { return hexOf(blake3Of(text)).substr(0, kIdDigits); }

}  // namespace

TEST("FileLock excludes, and may remove its file") {
  const Folder folder;
  const std::string path = folder / "lock";
  {
    FileLock lock = FileLock::take(path);
    CHECK(!FileLock::tryTake(path));
    lock.remove();
    CHECK(!statOf(path));
  }
  CHECK(FileLock::tryTake(path).has_value());
  CHECK(FileLock::tryTake(path).has_value());
}

TEST("Flag is seen by who asks, and asking hinders nobody") {
  const Folder folder;
  const std::string path = folder / "flag";
  CHECK(!Flag::isRaised(path));
  {
    const Flag first = Flag::raise(path);
    const Flag second = Flag::raise(path);
    CHECK(Flag::isRaised(path));
  }
  CHECK(!Flag::isRaised(path));
}

TEST("Store::open() makes a store and opens it again") {
  const Folder folder;
  Store::open(folder / "store", false);
  CHECK(contentsOf(folder / "store/store.json") == "{\"format\":2}\n");
  CHECK((statOf(folder / "store/bases")->st_mode & 0777) == 0700);
  Store::open(folder / "store", false);
}

TEST("Store::open() refuses a folder of another format and one that others may write to") {
  const Folder folder;
  Store::open(folder / "store", false);
  std::filesystem::remove(folder / "store/store.json");
  put(folder / "store/store.json", "{\"format\":3}\n");
  CHECK(codeOf([&] { Store::open(folder / "store", false); }) == "store_failed");
  const std::string shared = folder / "shared";
  mkdir(shared.c_str(), 0700);
  chmod(shared.c_str(), 0777);
  CHECK(codeOf([&] { Store::open(shared, false); }) == "store_unsafe");
  put(folder / "file", "");
  CHECK(codeOf([&] { Store::open(folder / "file", false); }) == "store_unsafe");
}

TEST("Store::open() takes over a store of format 1, whose segments are not found any more and go when nobody uses them") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  const std::string used = publishText(store, "used").lease.path;
  const std::string unused = publishText(store, "unused", Book::adapters, std::string(32, 'b')).lease.path;
  for (const std::string& path : {used, unused}) {
    std::filesystem::remove(path + "/.segment.json");
    put(path + "/.segment.json", "{\"format\":1,\"contentId\":\"0\"}\n");
  }
  std::filesystem::remove(folder / "store/sources/" + kKey);
  std::filesystem::create_symlink("bases/" + idOf("used"), folder / "store/sources/" + kKey);
  std::filesystem::remove(folder / "store/store.json");
  put(folder / "store/store.json", "{\"format\":1}\n");

  const Store later = Store::open(folder / "store", false);
  CHECK(contentsOf(folder / "store/store.json") == "{\"format\":2}\n");
  CHECK(!later.lookup(Book::bases, kKey));
  auto runner = later.acquire(Book::bases, idOf("used"));
  CHECK(runner.has_value());
  CHECK(later.sweep().segments == 1);
  CHECK(!statOf(unused) && statOf(used + "/model.gguf"));
  CHECK(entriesIn(folder / "store/sources") == 0);
  runner.reset();
  CHECK(later.sweep().segments == 1);
  CHECK(!statOf(used));
}

TEST("Store::reserve() counts what is there and what others have reserved against the budget of the book") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  const uint64_t budget = 64 * kPageBytes;
  const Making first = store.reserve(Book::bases, {{"a", 30 * kPageBytes}}, budget);
  CHECK(store.usage(Book::bases).makingBytes == 30 * kPageBytes);
  CHECK(codeOf([&] { store.reserve(Book::bases, {{"b", 40 * kPageBytes}}, budget); }) == "store_full");
  const Making other = store.reserve(Book::adapters, {{"b", 40 * kPageBytes}}, budget);
  CHECK(entriesIn(folder / "store/making") == 2);
}

TEST("Store::reserve() tells what was needed, what is free and what the budget is") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  const auto outcome = storeOutcomeOf([&] { return store.reserve(Book::bases, {{"a", 8 * kPageBytes}}, kPageBytes); });
  const auto& shortage = std::get<StoreFailure>(outcome).shortage;
  CHECK(shortage && shortage->neededBytes >= 8 * kPageBytes && shortage->budgetBytes == kPageBytes);
  CHECK(shortage && shortage->freeBytes > 0);
  CHECK(codeOf([&] { store.reserve(Book::bases, {{"a", uint64_t{1} << 60}}, std::nullopt); }) == "store_full");
  CHECK(entriesIn(folder / "store/making") == 0);
}

TEST("Store::freeBytes() leaves out what is reserved and not written") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  const uint64_t room = uint64_t{256} << 20;
  const uint64_t before = store.freeBytes();
  const Making making = store.reserve(Book::bases, {{"a", room}}, std::nullopt);
  // Others use this file system, too.
  CHECK(store.freeBytes() + room / 2 < before);
}

TEST("Store::publish() puts a segment where its source and its id find it, and readers only") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  const auto published = publishText(store, "weights");
  CHECK(!published.duplicate);
  CHECK(store.lookup(Book::bases, kKey) == idOf("weights"));
  CHECK(!store.lookup(Book::adapters, kKey));
  CHECK(contentsOf(published.lease.path + "/model.gguf") == "weights");
  CHECK((statOf(published.lease.path + "/model.gguf")->st_mode & 0777) == 0400);
  CHECK(entriesIn(folder / "store/making") == 0);
  CHECK(store.usage(Book::bases).segmentBytes == bytesBelow(folder / "store/bases").allocated);
}

TEST("Store::publish() drops what is there already and points its source at it") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  const auto first = publishText(store, "same");
  const auto second = publishText(store, "same", Book::bases, std::string(32, 'b'));
  CHECK(second.duplicate && second.lease.path == first.lease.path);
  CHECK(store.lookup(Book::bases, std::string(32, 'b')) == idOf("same"));
  CHECK(entriesIn(folder / "store/bases") == 1 && entriesIn(folder / "store/making") == 0);
}

TEST("Store::evict() leaves what is in use and removes what is not") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  {
    const auto published = publishText(store, "weights");
    CHECK(store.evict(Book::bases, idOf("weights")).what == Eviction::busy);
    CHECK(store.list().size() == 1 && store.list()[0].inUse);
  }
  CHECK(store.list().size() == 1 && !store.list()[0].inUse);
  const EvictReport report = store.evict(Book::bases, idOf("weights"));
  CHECK(report.what == Eviction::evicted && report.bytes > 0);
  CHECK(store.evict(Book::bases, idOf("weights")).what == Eviction::absent);
  CHECK(!store.acquire(Book::bases, idOf("weights")) && !store.lookup(Book::bases, kKey));
  CHECK(entriesIn(folder / "store/making") == 0);
  CHECK(store.evict(Book::bases, "../../etc").what == Eviction::absent);
}

TEST("acquireLease() is kept by a descriptor that was duplicated, after the first is closed") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  std::optional<Published> published = publishText(store, "weights");
  const Fd inherited(dup(published->lease.fd.get()));
  published.reset();
  CHECK(store.evict(Book::bases, idOf("weights")).what == Eviction::busy);
}

TEST("Store::sweep() removes what nobody owns, and nothing that somebody does") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  const Making living = store.reserve(Book::bases, {{"a", 100}}, std::nullopt);
  put(folder / "store/making/bases-dead/model.gguf", "half");
  put(folder / "store/making/bases-dead/.owner", "");
  put(folder / "store/making/source-draft", "");
  put(folder / ("store/locks/" + kKey + ".lock"), "gone");
  put(folder / ("store/bases/" + std::string(32, 'f')) + "/cut", "short");
  std::filesystem::create_symlink("bases/" + std::string(32, 'e'), folder / ("store/sources/" + kKey));
  const SweepReport report = store.sweep();
  CHECK(report.segments == 2 && report.bytes > 0 && report.sources == 1 && report.locks == 1);
  CHECK(entriesIn(folder / "store/making") == 1 && entriesIn(folder / "store/bases") == 0);
  CHECK(store.sweep().segments == 0);
}

TEST("Store::sweep() leaves what is published") {
  const Folder folder;
  const Store store = Store::open(folder / "store", false);
  publishText(store, "weights");
  store.sweep();
  CHECK(store.lookup(Book::bases, kKey).has_value());
}

TEST("Store keeps a segment on a disk as it does in memory") {
  const Folder folder(diskFolder());
  const Store store = Store::open(folder / "store", true);
  const auto published = publishText(store, "weights", Book::adapters);
  CHECK(contentsOf(published.lease.path + "/model.gguf") == "weights");
  CHECK(store.usage(Book::adapters).segmentBytes > 0 && store.usage(Book::bases).segmentBytes == 0);
}
