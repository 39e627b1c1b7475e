#include "core/crypt/files.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <new>
#include <system_error>
#include <utility>

#include "core/failure.h"

namespace hearth::crypt {
namespace {

std::string systemWords(int error) { return std::generic_category().message(error); }

[[noreturn]] void fail(const std::string& what, int error) {
  const char* code = error == ENOSPC || error == EDQUOT ? "no_space" : "io_failed";
  throw Failure(code, what + ": " + systemWords(error));
}

std::string directoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/** Hidden, and by chance: two that make the same file at the same time do not meet. */
std::string partialPathFor(const std::string& path) {
  uint64_t chance = 0;
  if (getrandom(&chance, sizeof chance, 0) != sizeof chance) fail("cannot get random bytes", errno);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(chance));
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  // The longest name that file systems take has 255 bytes.
  return directoryOf(path) + "/." + name.substr(0, 200) + "." + digits + ".partial";
}

Failure alreadyThere(const std::string& path) {
  return Failure("exists", "expected nothing at \"" + path + "\" against a file");
}

/** rename() that replaces nothing; a hard link where the file system cannot do that, NFS for one. */
int renameToNew(const char* from, const char* to) {
  if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  if (link(from, to) != 0) return errno;
  unlink(from);
  return 0;
}

void syncDirectory(const std::string& path) {
  const File directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // Some file systems cannot do it: the file is there, and safe as they make it.
  if (directory.descriptor() >= 0 && fsync(directory.descriptor()) != 0 && errno == EIO)
    fail("cannot write the directory", EIO);
}

bool sameTime(const timespec& one, const timespec& other) {
  return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

}  // namespace

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

int File::release() { return std::exchange(descriptor_, -1); }

size_t readAt(int descriptor, uint64_t offset, std::span<std::byte> into) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t got =
        pread(descriptor, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read at byte " + std::to_string(offset + done), errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

void File::writeAt(uint64_t offset, std::span<const std::byte> from) const {
  size_t done = 0;
  while (done < from.size()) {
    const ssize_t put =
        pwrite(descriptor_, from.data() + done, from.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("cannot write at byte " + std::to_string(offset + done), errno);
    done += static_cast<size_t>(put);
  }
}

SourceFile::SourceFile(const std::string& path)
    // Without O_NONBLOCK a pipe that nobody writes to would hold us before we could refuse it.
    : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
  if (file_.descriptor() < 0) {
    if (errno == ENOENT) throw Failure("not_found", "there is no such file");
    fail("cannot open it", errno);
  }
  opened_ = state();
  if (!S_ISREG(opened_.st_mode)) throw Failure("io_failed", "expected a regular file against something else");
  posix_fadvise(file_.descriptor(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

struct stat SourceFile::state() const {
  struct stat now = {};
  if (fstat(file_.descriptor(), &now) != 0) fail("cannot ask for its size", errno);
  return now;
}

void SourceFile::read(uint64_t offset, std::span<std::byte> into) const {
  if (readAt(descriptor(), offset, into) < into.size())
    throw Failure("source_changed", "expected " + std::to_string(bytes()) + " bytes against fewer by now");
}

void SourceFile::checkUnchanged() const {
  const struct stat now = state();
  if (now.st_size != opened_.st_size || !sameTime(now.st_mtim, opened_.st_mtim))
    throw Failure("source_changed", "expected the file to stay as it was against a write meanwhile");
}

PartialFile::PartialFile(std::string path, uint64_t bytes, mode_t mode)
    : path_(std::move(path)),
      directory_(directoryOf(path_)),
      partialPath_(partialPathFor(path_)),
      // Looked up before anything is made, so that hours of work do not end at a name that was taken all the time.
      file_(faccessat(AT_FDCWD, path_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0
                ? throw alreadyThere(path_)
                : open(partialPath_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)) {
  if (file_.descriptor() < 0) fail("cannot make a file in \"" + directory_ + "\"", errno);
  if (bytes == 0 || fallocate(file_.descriptor(), 0, 0, static_cast<off_t>(bytes)) == 0) return;
  const int error = errno;
  // Where the file system cannot take the room ahead, a full disk is an error of a later write.
  if (error == EOPNOTSUPP || error == ENOSYS) return;
  unlink(partialPath_.c_str());
  fail("cannot take " + std::to_string(bytes) + " bytes in \"" + directory_ + "\"", error);
}

PartialFile::~PartialFile() {
  if (!published_) unlink(partialPath_.c_str());
}

void PartialFile::publish() {
  if (fsync(file_.descriptor()) != 0) fail("cannot bring it to the disk", errno);
  const int error = renameToNew(partialPath_.c_str(), path_.c_str());
  if (error == EEXIST) throw alreadyThere(path_);
  if (error != 0) fail("cannot give it its name", error);
  published_ = true;
  syncDirectory(directory_);
}

ChunkBuffer::ChunkBuffer(size_t bytes)
    : memory_(static_cast<std::byte*>(
          mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
      bytes_(bytes) {
  if (memory_ == MAP_FAILED) throw std::bad_alloc();
  madvise(memory_, bytes_, MADV_DONTDUMP);
}

ChunkBuffer::~ChunkBuffer() { munmap(memory_, bytes_); }

}  // namespace hearth::crypt
