#include "core/store/lease.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/store/locks.h"

namespace hearth::store {
namespace {

/** Who lists or evicts has the exclusive lock for moments; a segment that is evicted has left its place by then. */
constexpr auto kPause = std::chrono::microseconds(200);
constexpr int kAttempts = 5000;

}  // namespace

std::optional<std::string> lookupSource(const Layout& layout, Book book, std::string_view sourceKey) {
  if (!isId(sourceKey)) return std::nullopt;
  std::string text(128, '\0');
  const ssize_t length = readlink(layout.source(sourceKey).c_str(), text.data(), text.size());
  if (length < 0) return std::nullopt;
  text.resize(static_cast<size_t>(length));
  const std::string prefix = linkText(book, "");
  if (!text.starts_with(prefix)) return std::nullopt;
  const std::string id = text.substr(prefix.size());
  if (!isId(id) || !statOf(layout.segment(book, id) + "/" + kLeaseName)) return std::nullopt;
  return id;
}

std::optional<Lease> acquireLease(const Layout& layout, Book book, std::string_view id) {
  if (!isId(id)) return std::nullopt;
  const std::string path = layout.segment(book, id);
  const std::string leasePath = path + "/" + kLeaseName;
  Fd fd = tryOpen(leasePath, O_RDONLY | O_NOFOLLOW);
  if (!fd) return std::nullopt;
  for (int attempt = 0; attempt < kAttempts && isStillAt(fd, leasePath); ++attempt) {
    if (!tryFlock(fd, LOCK_SH, leasePath)) {
      std::this_thread::sleep_for(kPause);
      continue;
    }
    if (isStillAt(fd, leasePath)) return Lease{std::move(fd), path};
    break;
  }
  return std::nullopt;
}

}  // namespace hearth::store
