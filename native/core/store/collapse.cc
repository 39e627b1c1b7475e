#include "core/store/collapse.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/store/chunk_target.h"
#include "core/store/locks.h"
#include "core/store/source.h"

namespace hearth::store {
namespace {

/** Of the kernel's headers of 6.1, which Debian 12 has not all. */
constexpr int kMadvCollapse = 25;
constexpr uint64_t kHugePageBytes = uint64_t{2} << 20;
/** Between two looks whether there is something better to do. */
constexpr uint64_t kStepBytes = 8 * kHugePageBytes;
constexpr Clock::duration kLook = std::chrono::milliseconds(50);
/** Not the idle class: who reads a page that is under way waits for this thread. */
constexpr int kNiceness = 10;

/** A mapping at a multiple of 2 MiB, as huge pages need it. */
class AlignedMapping {
 public:
  AlignedMapping(const Fd& fd, uint64_t bytes) : bytes_(bytes + kHugePageBytes) {
    void* const place = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED) return;
    place_ = place;
    const auto address = reinterpret_cast<uintptr_t>(place);
    auto* const aligned = reinterpret_cast<std::byte*>(roundedUp(address, kHugePageBytes));
    void* const file = mmap(aligned, bytes, PROT_READ, MAP_SHARED | MAP_FIXED, fd.get(), 0);
    if (file != MAP_FAILED) start_ = aligned;
  }
  ~AlignedMapping() {
    if (place_ != nullptr) munmap(place_, bytes_);
  }
  AlignedMapping(const AlignedMapping&) = delete;
  AlignedMapping& operator=(const AlignedMapping&) = delete;

  /** Null: it could not be mapped. */
  std::byte* start() const { return start_; }

 private:
  const uint64_t bytes_;
  void* place_ = nullptr;
  std::byte* start_ = nullptr;
};

/** False: this kernel does not know it, or not for this file. */
bool collapseStep(std::byte* start, uint64_t bytes, CollapseReport& report) {
  for (uint64_t at = 0; at < bytes; at += kHugePageBytes) {
    if (madvise(start + at, kHugePageBytes, kMadvCollapse) == 0) report.hugeBytes += kHugePageBytes;
    else if (errno == EINVAL) return false;
  }
  return true;
}

}  // namespace

CollapseReport collapse(const Store& store, Book book, std::string_view id, Steering& steering) {
  const Clock::time_point started = Clock::now();
  CollapseReport report;
  auto lease = store.acquire(book, id);
  if (!lease) return report;
  const std::vector<SourceFile> files = describeSegment(*lease).files;
  const std::string leasePath = lease->path + "/" + kLeaseName;
  const Fd leaseFile = tryOpen(leasePath, O_RDONLY | O_NOFOLLOW);
  // From here on an eviction may have it.
  lease.reset();
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNiceness);
  for (const SourceFile& file : files) {
    const uint64_t bytes = file.mark.bytes / kHugePageBytes * kHugePageBytes;
    if (bytes == 0) continue;
    if (statOf(file.path) && hasHugePages(file.path)) {
      report.wasHuge = true;
      break;
    }
    const Fd fd = tryOpen(file.path, O_RDONLY | O_NOFOLLOW);
    if (!fd) break;
    const AlignedMapping mapping(fd, bytes);
    if (mapping.start() == nullptr) break;
    report.bytes += bytes;
    for (uint64_t at = 0; at < bytes; at += kStepBytes) {
      steering.check();
      while (Flag::isRaised(store.layout().demandLock())) steering.wait(kLook);
      if (!leaseFile || !isStillAt(leaseFile, leasePath)) break;
      if (!collapseStep(mapping.start() + at, std::min(kStepBytes, bytes - at), report)) break;
    }
  }
  report.ms = milliseconds(Clock::now() - started);
  return report;
}

}  // namespace hearth::store
