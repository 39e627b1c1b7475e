#include "core/memory/file_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/failure.h"

namespace hearth {

FileMapping::FileMapping(const std::string& path) {
  const auto fail = [&](const std::string& why) {
    return Failure("invalid_argument", "Cannot map file \"" + path + "\": " + why);
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw fail(std::strerror(errno));
  struct stat status{};
  const bool isFile = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  if (isFile) {
    bytes_ = static_cast<size_t>(status.st_size);
    address_ = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, file, 0);
  }
  const int reason = errno;
  close(file);
  if (!isFile) throw fail("expected a file that is not empty");
  if (address_ == MAP_FAILED) throw fail(std::strerror(reason));
  // Pages that nobody has mapped are the first to go when memory is short: these are mapped as far as they are there.
  madvise(address_, bytes_, MADV_WILLNEED);
}

FileMapping::~FileMapping() { munmap(address_, bytes_); }

}  // namespace hearth
