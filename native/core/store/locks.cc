#include "core/store/locks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace hearth::store {

bool tryFlock(const Fd& fd, int operation, const std::string& path) {
  while (flock(fd.get(), operation | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) failBySystem("store_failed", "lock", path, errno);
  }
  return true;
}

std::optional<FileLock> FileLock::attempt(const std::string& path, bool waits) {
  while (true) {
    Fd fd = openOrFail(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (!waits && !tryFlock(fd, LOCK_EX, path)) return std::nullopt;
    if (waits) {
      while (flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR) failBySystem("store_failed", "lock", path, errno);
    }
    if (isStillAt(fd, path)) return FileLock(std::move(fd), path);
  }
}

FileLock FileLock::take(const std::string& path) { return *attempt(path, true); }

std::optional<FileLock> FileLock::tryTake(const std::string& path) { return attempt(path, false); }

void FileLock::write(std::string_view text) {
  const bool well = ftruncate(fd_.get(), 0) == 0 &&
                    pwrite(fd_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  if (!well) failBySystem("store_failed", "write", path_, errno);
}

void FileLock::remove() {
  unlink(path_.c_str());
  fd_ = Fd();
}

Flag Flag::raise(const std::string& path) {
  while (true) {
    Fd fd = openOrFail(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    struct flock lock{};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    while (fcntl(fd.get(), F_OFD_SETLKW, &lock) != 0)
      if (errno != EINTR) failBySystem("store_failed", "lock", path, errno);
    if (isStillAt(fd, path)) return Flag(std::move(fd));
  }
}

bool Flag::isRaised(const std::string& path) {
  const Fd fd = tryOpen(path, O_RDWR | O_NOFOLLOW);
  if (!fd) return false;
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace hearth::store
