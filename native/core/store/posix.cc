#include "core/store/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace hearth::store {

void failBySystem(const char* code, const char* action, const std::string& path, int error) {
  throw StoreFailure(code, std::string("Cannot ") + action + " \"" + path + "\": " + std::strerror(error));
}

StoreFailure keyRequired(const std::string& path, const std::string& keyName) {
  const std::string named = keyName.empty() ? "its key, which it does not name" : "key \"" + keyName + "\"";
  StoreFailure failure("key_required", "Cannot stage \"" + path + "\": it is encrypted, expected " + named);
  failure.keyName = keyName;
  return failure;
}

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

Fd tryOpen(const std::string& path, int flags, mode_t mode) {
  int fd = -1;
  do fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return Fd(fd);
}

Fd openOrFail(const std::string& path, int flags, mode_t mode) {
  Fd fd = tryOpen(path, flags, mode);
  if (!fd) failBySystem("store_failed", "open", path, errno);
  return fd;
}

std::optional<struct stat> statOf(const std::string& path) {
  struct stat found{};
  if (lstat(path.c_str(), &found) != 0) return std::nullopt;
  return found;
}

bool isStillAt(const Fd& fd, const std::string& path) {
  struct stat open{};
  const auto there = statOf(path);
  return fstat(fd.get(), &open) == 0 && there && there->st_ino == open.st_ino && there->st_dev == open.st_dev;
}

bool ensureFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return true;
  if (errno != EEXIST) failBySystem("store_failed", "make the folder", path, errno);
  return false;
}

void ensureFoldersAbove(const std::string& base, std::string_view name) {
  for (size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/', slash + 1))
    ensureFolder(base + "/" + std::string(name.substr(0, slash)));
}

void writeFile(const std::string& path, std::string_view text, mode_t mode) {
  const Fd fd = openOrFail(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  while (!text.empty()) {
    const ssize_t written = write(fd.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) failBySystem("store_failed", "write", path, errno);
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::optional<std::string> readSmallFile(const std::string& path) {
  const Fd fd = tryOpen(path, O_RDONLY | O_NOFOLLOW);
  if (!fd) return std::nullopt;
  std::string text(64 * 1024, '\0');
  const ssize_t length = pread(fd.get(), text.data(), text.size(), 0);
  if (length < 0) return std::nullopt;
  text.resize(static_cast<size_t>(length));
  return text;
}

void syncFolder(const std::string& path) {
  const Fd fd = openOrFail(path, O_RDONLY | O_DIRECTORY);
  if (fsync(fd.get()) != 0) failBySystem("store_failed", "sync", path, errno);
}

std::vector<std::string> namesIn(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), closedir);
  if (!open) return names;
  while (const dirent* entry = readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

bool removeTree(const std::string& folder) noexcept {
  for (const std::string& name : namesIn(folder)) {
    const std::string path = folder + "/" + name;
    const auto found = statOf(path);
    if (found && S_ISDIR(found->st_mode)) removeTree(path);
    else unlink(path.c_str());
  }
  return rmdir(folder.c_str()) == 0 || errno == ENOENT;
}

TreeBytes bytesBelow(const std::string& folder) {
  TreeBytes total;
  for (const std::string& name : namesIn(folder)) {
    const std::string path = folder + "/" + name;
    const auto found = statOf(path);
    if (!found) continue;
    const uint64_t allocated = static_cast<uint64_t>(found->st_blocks) * 512;
    total.allocated += allocated;
    if (S_ISDIR(found->st_mode)) {
      const TreeBytes below = bytesBelow(path);
      total.allocated += below.allocated;
      total.reserved += allocated + below.reserved;
    } else {
      total.reserved += std::max(allocated, roundedUp(static_cast<uint64_t>(found->st_size), kPageBytes));
    }
  }
  return total;
}

std::string randomHex(size_t digits) {
  std::array<uint8_t, 32> bytes{};
  const size_t length = std::min(bytes.size(), digits / 2);
  if (getrandom(bytes.data(), length, 0) != static_cast<ssize_t>(length))
    throw StoreFailure("store_failed", "Cannot name a half-made segment: no random bytes");
  return hexOf(std::span(bytes).first(length));
}

std::string hexOf(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool isHex(std::string_view text, size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char digit) {
           return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
         });
}

}  // namespace hearth::store
