#pragma once

#include <optional>
#include <string>

#include "core/store/posix.h"

namespace hearth::store {

/** flock(2) without waiting. False when somebody else has it; throws `store_failed` otherwise. */
bool tryFlock(const Fd& fd, int operation, const std::string& path);

/**
 * An exclusive flock on a lock file, which is made when it is not there. The kernel lets go of it when the
 * process dies. What was locked is checked to be what lies at the path still, so that the file may be removed
 * by who holds it.
 */
class FileLock {
 public:
  /** Waits. For what is held for moments. */
  static FileLock take(const std::string& path);
  static std::optional<FileLock> tryTake(const std::string& path);

  FileLock(FileLock&&) noexcept = default;
  FileLock& operator=(FileLock&&) = delete;

  /** Replaces the file's text. */
  void write(std::string_view text);
  /** Removes the file, then lets go. */
  void remove();

 private:
  FileLock(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  static std::optional<FileLock> attempt(const std::string& path, bool waits);

  Fd fd_;
  std::string path_;
};

/**
 * A flag that several processes may raise: a read lock (fcntl(2), F_OFD_SETLK) on a file. It can be asked for
 * without being taken, so that who asks hinders nobody.
 */
class Flag {
 public:
  static Flag raise(const std::string& path);
  static bool isRaised(const std::string& path);

 private:
  explicit Flag(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace hearth::store
