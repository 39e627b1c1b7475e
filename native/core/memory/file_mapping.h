#pragma once

#include <cstddef>
#include <string>

namespace hearth {

/** A whole file, mapped for reading and shared with the page cache. */
class FileMapping {
 public:
  /** Throws Failure `invalid_argument` when the file does not open or map. */
  explicit FileMapping(const std::string& path);
  ~FileMapping();
  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;

  size_t bytes() const { return bytes_; }

 private:
  void* address_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace hearth
