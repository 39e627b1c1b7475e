#include "core/store/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>

#include "core/store/locks.h"

namespace hearth::store {
namespace {

/** What the store's own files in a segment take at most, and what a file's description adds. */
constexpr uint64_t kOwnFilesBytes = 4 * kPageBytes;
constexpr uint64_t kDescriptionBytes = 128;

/** A folder that others may write to is nobody's store: they could put their weights in it. */
void requireOwnFolder(const std::string& root) {
  const auto found = statOf(root);
  if (!found || !S_ISDIR(found->st_mode))
    throw StoreFailure("store_unsafe", "Cannot open the store \"" + root + "\": expected a folder");
  if (found->st_uid != geteuid())
    throw StoreFailure("store_unsafe", "Cannot open the store \"" + root + "\": expected a folder of user " +
                                           std::to_string(geteuid()) + ", it is of " +
                                           std::to_string(found->st_uid));
  if ((found->st_mode & (S_IWGRP | S_IWOTH)) != 0)
    throw StoreFailure("store_unsafe",
                       "Cannot open the store \"" + root + "\": others may write to it, expected mode 0700");
}

void requireFormat(const Layout& layout) {
  const FileLock lock = FileLock::take(layout.storeLock());
  const auto text = readSmallFile(layout.format());
  // What is of the old one is not found any more, and goes with the next sweep.
  if (!text || *text == kOldStoreFormat) {
    const std::string draft = layout.format() + "." + randomHex(16);
    writeFile(draft, kStoreFormat, 0600);
    if (rename(draft.c_str(), layout.format().c_str()) != 0)
      failBySystem("store_failed", "make", layout.format(), errno);
  } else if (*text != kStoreFormat) {
    throw StoreFailure("store_failed",
                       "Cannot open the store \"" + layout.root() + "\": expected format 2 in store.json");
  }
}

void makeSized(const std::string& path, uint64_t bytes) {
  const Fd fd = openOrFail(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0)
    failBySystem("store_failed", "size", path, errno);
}

void syncFile(const std::string& path) {
  const Fd fd = openOrFail(path, O_RDONLY);
  if (fdatasync(fd.get()) != 0) failBySystem("store_failed", "sync", path, errno);
}

}  // namespace

Store Store::open(const std::string& root, bool durable) {
  Layout layout(root);
  ensureFolder(root);
  requireOwnFolder(root);
  for (const std::string& folder : {layout.locks(), layout.making(), layout.sources(),
                                    layout.book(Book::bases), layout.book(Book::adapters)})
    ensureFolder(folder);
  requireFormat(layout);
  return Store(std::move(layout), durable);
}

uint64_t Store::usedBytes(Book book) const {
  const BookUsage used = usage(book);
  return used.segmentBytes + used.makingBytes;
}

BookUsage Store::usage(Book book) const {
  BookUsage total;
  for (const std::string& id : namesIn(layout_.book(book)))
    total.segmentBytes += bytesBelow(layout_.segment(book, id)).allocated;
  const std::string prefix = std::string(nameOf(book)) + "-";
  for (const std::string& name : namesIn(layout_.making()))
    if (name.starts_with(prefix)) total.makingBytes += bytesBelow(layout_.making(name)).reserved;
  return total;
}

uint64_t Store::freeBytes() const {
  struct statfs found{};
  if (statfs(layout_.root().c_str(), &found) != 0)
    failBySystem("store_failed", "ask the file system of", layout_.root(), errno);
  const uint64_t available = found.f_bavail * static_cast<uint64_t>(found.f_bsize);
  const TreeBytes making = bytesBelow(layout_.making());
  const uint64_t promised = making.reserved - std::min(making.reserved, making.allocated);
  return available - std::min(available, promised);
}

Making Store::reserve(Book book, const std::vector<PlannedFile>& files,
                      std::optional<uint64_t> budgetBytes) const {
  uint64_t needed = kOwnFilesBytes;
  for (const PlannedFile& file : files)
    needed += roundedUp(file.bytes, kPageBytes) + file.name.size() + kDescriptionBytes;
  const FileLock lock = FileLock::take(layout_.storeLock());
  const uint64_t free = freeBytes();
  const uint64_t used = budgetBytes ? usedBytes(book) : 0;
  if ((budgetBytes && used + needed > *budgetBytes) || needed > free) {
    throw StoreFailure("Cannot reserve room in \"" + layout_.root() + "\": expected " +
                           std::to_string(needed) + " bytes, " + std::to_string(free) +
                           " are free on the file system" +
                           (budgetBytes ? " and " + std::to_string(used) + " of the budget of " +
                                              std::to_string(*budgetBytes) + " are used"
                                        : ""),
                       Shortage{needed, free, budgetBytes});
  }
  Making making = Making::begin(layout_, book);
  makeFiles(making, files);
  return making;
}

void Store::makeFiles(const Making& making, const std::vector<PlannedFile>& files) const {
  for (const auto& [name, bytes] : files) {
    ensureFoldersAbove(making.path(), name);
    makeSized(making.path() + "/" + name, bytes);
  }
}

Published Store::publish(Making making, Book book, const Digest& content, const std::string& segmentJson,
                         const std::string& sourceKey, const std::vector<PlannedFile>& files) const {
  const std::string id = hexOf(content).substr(0, kIdDigits);
  const std::string from = making.path();
  unlink((from + "/" + kProgressName).c_str());
  for (const PlannedFile& file : files)
    if (chmod((from + "/" + file.name).c_str(), 0400) != 0)
      failBySystem("store_failed", "protect", from + "/" + file.name, errno);
  writeFile(from + "/" + kSegmentName, segmentJson, 0400);
  writeFile(from + "/" + kLeaseName, "", 0400);
  if (durable_) makeDurable(from, files);

  const FileLock lock = FileLock::take(layout_.storeLock());
  const std::string to = layout_.segment(book, id);
  const bool duplicate = statOf(to + "/" + kLeaseName).has_value();
  if (!duplicate) {
    if (rename(from.c_str(), to.c_str()) != 0) failBySystem("store_failed", "publish", to, errno);
    making.movedTo(to);
    making.published();
    if (durable_) syncFolder(layout_.book(book));
  }
  linkSource(book, id, sourceKey);
  auto lease = acquireLease(layout_, book, id);
  if (!lease) throw StoreFailure("store_failed", "Cannot use \"" + to + "\": it has gone from its place");
  return {std::move(*lease), duplicate};
}

void Store::makeDurable(const std::string& folder, const std::vector<PlannedFile>& files) const {
  for (const PlannedFile& file : files) syncFile(folder + "/" + file.name);
  syncFile(folder + "/" + kSegmentName);
  for (const PlannedFile& file : files) {
    const std::string path = folder + "/" + file.name;
    for (size_t slash = path.rfind('/'); slash > folder.size(); slash = path.rfind('/', slash - 1))
      syncFolder(path.substr(0, slash));
  }
  syncFolder(folder);
}

void Store::linkSource(Book book, const std::string& id, const std::string& sourceKey) const {
  const std::string draft = layout_.making("source-" + randomHex(16));
  if (symlink(linkText(book, id).c_str(), draft.c_str()) != 0) failBySystem("store_failed", "make", draft, errno);
  if (rename(draft.c_str(), layout_.source(sourceKey).c_str()) != 0)
    failBySystem("store_failed", "make", layout_.source(sourceKey), errno);
  if (durable_) syncFolder(layout_.sources());
}

EvictReport Store::evict(Book book, std::string_view id) const {
  if (!isId(id)) return {};
  const std::string path = layout_.segment(book, id);
  const std::string leasePath = path + "/" + kLeaseName;
  std::optional<Making> going;
  {
    const FileLock lock = FileLock::take(layout_.storeLock());
    if (!statOf(path)) return {};
    // Without a lease file nobody can have it.
    const Fd lease = tryOpen(leasePath, O_RDONLY | O_NOFOLLOW);
    if (lease && !tryFlock(lease, LOCK_EX, leasePath)) return {Eviction::busy, 0};
    auto adopted = Making::adopt(path);
    if (!adopted) return {Eviction::busy, 0};
    going.emplace(std::move(*adopted));
    const std::string to = layout_.making(std::string(nameOf(book)) + "-" + randomHex(16));
    if (rename(path.c_str(), to.c_str()) != 0) {
      const int error = errno;
      going->published();
      failBySystem("store_failed", "evict", path, error);
    }
    going->movedTo(to);
  }
  // Its bytes count until they have gone, since it lies in making/; nobody waits for that.
  return {Eviction::evicted, bytesBelow(going->path()).allocated};
}

std::vector<ListedSegment> Store::list() const {
  std::vector<ListedSegment> segments;
  const FileLock lock = FileLock::take(layout_.storeLock());
  for (const Book book : kBooks) {
    for (const std::string& id : namesIn(layout_.book(book))) {
      const std::string path = layout_.segment(book, id);
      const std::string leasePath = path + "/" + kLeaseName;
      const Fd lease = tryOpen(leasePath, O_RDONLY | O_NOFOLLOW);
      if (!isId(id) || !lease) continue;
      const bool inUse = !tryFlock(lease, LOCK_EX, leasePath);
      segments.push_back({book, id, bytesBelow(path).allocated, inUse});
    }
  }
  return segments;
}

}  // namespace hearth::store
