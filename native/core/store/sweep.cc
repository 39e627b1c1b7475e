/** Store::sweep(): what dead processes have left. */
#include <unistd.h>

#include "core/store/locks.h"
#include "core/store/store.h"

namespace hearth::store {
namespace {

/** How `.segment.json` begins where content ids are trees of SHA-256. */
constexpr std::string_view kOldSegmentStart = "{\"format\":1,";

}  // namespace

SweepReport Store::sweep() const {
  SweepReport report;
  std::vector<Making> dead;
  sweepOldSegments(report);
  {
    const FileLock lock = FileLock::take(layout_.storeLock());
    for (const std::string& name : namesIn(layout_.making())) {
      const std::string path = layout_.making(name);
      const auto found = statOf(path);
      if (!found) continue;
      if (!S_ISDIR(found->st_mode)) {
        // The draft of a source's link is made and renamed under the lock that is held here.
        unlink(path.c_str());
        continue;
      }
      if (auto making = Making::adopt(path)) dead.push_back(std::move(*making));
    }
    for (const Book book : kBooks) {
      for (const std::string& id : namesIn(layout_.book(book))) {
        const std::string path = layout_.segment(book, id);
        // Published ones have both; what has not was cut short, by a loss of power for example.
        if (isId(id) && statOf(path + "/" + kLeaseName) && statOf(path + "/" + kSegmentName)) continue;
        if (auto making = Making::adopt(path)) dead.push_back(std::move(*making));
      }
    }
    sweepSources(report);
  }
  sweepLocks(report);
  for (const Making& making : dead) {
    report.segments += 1;
    report.bytes += bytesBelow(making.path()).allocated;
  }
  return report;
}

/** Those whose ids are of another kind. What somebody still uses goes with a later sweep. */
void Store::sweepOldSegments(SweepReport& report) const {
  for (const Book book : kBooks) {
    for (const std::string& id : namesIn(layout_.book(book))) {
      const auto json = readSmallFile(layout_.segment(book, id) + "/" + kSegmentName);
      if (!json || !json->starts_with(kOldSegmentStart)) continue;
      const EvictReport gone = evict(book, id);
      if (gone.what != Eviction::evicted) continue;
      report.segments += 1;
      report.bytes += gone.bytes;
    }
  }
}

void Store::sweepSources(SweepReport& report) const {
  for (const std::string& key : namesIn(layout_.sources())) {
    if (lookup(Book::bases, key) || lookup(Book::adapters, key)) continue;
    if (unlink(layout_.source(key).c_str()) == 0) report.sources += 1;
  }
}

void Store::sweepLocks(SweepReport& report) const {
  for (const std::string& name : namesIn(layout_.locks())) {
    const std::string path = layout_.locks() + "/" + name;
    if (path == layout_.storeLock() || path == layout_.demandLock()) continue;
    if (name.ends_with(".wanted")) {
      // Who raises it looks whether the file is there still, and makes it anew.
      if (!Flag::isRaised(path) && unlink(path.c_str()) == 0) report.locks += 1;
      continue;
    }
    auto lock = FileLock::tryTake(path);
    if (!lock) continue;
    lock->remove();
    report.locks += 1;
  }
}

}  // namespace hearth::store
