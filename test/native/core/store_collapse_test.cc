#include "core/store/collapse.h"

#include <thread>

#include "check.h"
#include "core/store/locks.h"
#include "store_scene.h"

using namespace store_scene;

namespace {

constexpr size_t kSegmentBytes = (size_t{9} << 20) + 5;

}  // namespace

TEST("collapse() leaves the bytes of a segment as they are, and says how much is in huge pages") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kSegmentBytes));
  const Store store = Store::open(folder / "store", false);
  const StageReport staged = stageFile(store, folder / "a.gguf");
  Steering steering;
  const CollapseReport report = collapse(store, Book::bases, staged.contentId, steering);
  CHECK(report.wasHuge || report.bytes == (size_t{8} << 20));
  CHECK(report.hugeBytes <= report.bytes);
  CHECK(contentsOf(staged.lease.path + "/a.gguf") == bytesOf(kSegmentBytes));
}

TEST("collapse() hinders no eviction, and ends without a segment") {
  const Folder folder;
  put(folder / "a.gguf", bytesOf(kSegmentBytes));
  const Store store = Store::open(folder / "store", false);
  const std::string id = stageFile(store, folder / "a.gguf").contentId;
  Steering steering;
  {
    // It waits for this, and has let go of the segment by then.
    const Flag demand = Flag::raise(store.layout().demandLock());
    std::thread thread([&] {
      storeOutcomeOf([&] { return collapse(store, Book::bases, id, steering); });
    });
    while (store.evict(Book::bases, id).what == Eviction::busy) std::this_thread::yield();
    steering.cancel();
    thread.join();
  }
  CHECK(!statOf(store.layout().segment(Book::bases, id)));
  Steering other;
  CHECK(collapse(store, Book::bases, id, other).bytes == 0);
}
