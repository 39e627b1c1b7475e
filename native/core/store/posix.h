#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/store/failures.h"

namespace hearth::store {

inline constexpr uint64_t kPageBytes = 4096;

inline uint64_t roundedUp(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

/** Owns a file descriptor. */
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /** Whoever takes it closes it. */
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/** open(2), with O_CLOEXEC, and again when a signal came. An invalid Fd leaves errno. */
Fd tryOpen(const std::string& path, int flags, mode_t mode = 0);
/** Throws `store_failed`. */
Fd openOrFail(const std::string& path, int flags, mode_t mode = 0);

/** lstat(2); none when nothing is there. */
std::optional<struct stat> statOf(const std::string& path);
/** Is what `fd` has open what lies at `path`, rather than something that has gone from there? */
bool isStillAt(const Fd& fd, const std::string& path);

/** mkdir(2), mode 0700; true when it was made. Throws `store_failed`. */
bool ensureFolder(const std::string& path);
/** Every folder above the last part of `base/name`. */
void ensureFoldersAbove(const std::string& base, std::string_view name);

/** Writes a new file as a whole. Throws `store_failed`. */
void writeFile(const std::string& path, std::string_view text, mode_t mode);
/** none when nothing is there; at most 64 KiB of it. */
std::optional<std::string> readSmallFile(const std::string& path);
void syncFolder(const std::string& path);

/** Names in a folder, without "." and "..". Empty when it has gone. */
std::vector<std::string> namesIn(const std::string& folder);
/** Removes a tree; what goes meanwhile is no failure. False when something stays. */
bool removeTree(const std::string& folder) noexcept;

/** What a tree takes. Symbolic links are not followed, and what goes meanwhile does not count. */
struct TreeBytes {
  /** st_blocks of what is there. */
  uint64_t allocated = 0;
  /** Sizes in whole pages, or what is allocated where that is more: what it will take once it is written. */
  uint64_t reserved = 0;
};
TreeBytes bytesBelow(const std::string& folder);

/** So many random hexadecimal digits; an even number. */
std::string randomHex(size_t digits);
std::string hexOf(std::span<const uint8_t> bytes);
bool isHex(std::string_view text, size_t digits);

}  // namespace hearth::store
