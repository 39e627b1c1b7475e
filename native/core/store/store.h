#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/store/content.h"
#include "core/store/lease.h"
#include "core/store/making.h"

namespace hearth::store {

/** A file that is to be made. */
struct PlannedFile {
  std::string name;
  uint64_t bytes = 0;
};

struct ListedSegment {
  Book book = Book::bases;
  std::string id;
  /** What it takes on the file system. */
  uint64_t bytes = 0;
  bool inUse = false;
};

struct BookUsage {
  /** Published segments. */
  uint64_t segmentBytes = 0;
  /** Half-made ones, at the size that was reserved for them, and those that are being removed. */
  uint64_t makingBytes = 0;
};

struct SweepReport {
  uint64_t segments = 0;
  uint64_t bytes = 0;
  uint64_t sources = 0;
  uint64_t locks = 0;
};

enum class Eviction { evicted, busy, absent };

struct EvictReport {
  Eviction what = Eviction::absent;
  uint64_t bytes = 0;
};

struct Published {
  Lease lease;
  /** Another one had it published before: what was made here has gone. */
  bool duplicate = false;
};

/**
 * A store on disk, shared with other processes. Nothing is kept in memory that another process can change; what
 * has to hold together is done under the store's lock. Any thread; every call throws StoreFailure.
 */
class Store {
 public:
  /** Makes what is missing. `durable`: it survives a loss of power (the disk tier). */
  static Store open(const std::string& root, bool durable);

  const Layout& layout() const { return layout_; }
  bool isDurable() const { return durable_; }

  /** The content id that the source had when it was staged last, if that is there still. */
  std::optional<std::string> lookup(Book book, std::string_view sourceKey) const {
    return lookupSource(layout_, book, sourceKey);
  }
  std::optional<Lease> acquire(Book book, std::string_view id) const { return acquireLease(layout_, book, id); }

  /**
   * Takes room for files and makes them with their sizes and nothing in them: under the store's lock it counts what
   * all segments of the book take and what others have reserved. Throws `store_full`.
   */
  Making reserve(Book book, const std::vector<PlannedFile>& files, std::optional<uint64_t> budgetBytes) const;

  /** Puts what was made in its place, with the names that its source is found by. All of it is written and verified. */
  Published publish(Making making, Book book, const Digest& content, const std::string& segmentJson,
                    const std::string& sourceKey, const std::vector<PlannedFile>& files) const;

  /** Never what somebody has a lease of. */
  EvictReport evict(Book book, std::string_view id) const;
  /** Removes what dead processes and earlier formats have left. */
  SweepReport sweep() const;

  std::vector<ListedSegment> list() const;
  BookUsage usage(Book book) const;
  /** What the file system has left, without what is reserved and not written yet. */
  uint64_t freeBytes() const;

 private:
  Store(Layout layout, bool durable) : layout_(std::move(layout)), durable_(durable) {}

  uint64_t usedBytes(Book book) const;
  void makeFiles(const Making& making, const std::vector<PlannedFile>& files) const;
  void makeDurable(const std::string& folder, const std::vector<PlannedFile>& files) const;
  void linkSource(Book book, const std::string& id, const std::string& sourceKey) const;
  void sweepOldSegments(SweepReport& report) const;
  void sweepLocks(SweepReport& report) const;
  void sweepSources(SweepReport& report) const;

  Layout layout_;
  bool durable_;
};

}  // namespace hearth::store
