#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hearth::crypt {

/** Reads `into.size()` bytes, fewer only at the end of the file. Returns how many. Throws Failure io_failed. */
size_t readAt(int descriptor, uint64_t offset, std::span<std::byte> into);

/** An open file. Its functions throw Failure io_failed, or no_space, with the system's words. */
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&& other) noexcept : descriptor_(other.release()) {}

  int descriptor() const { return descriptor_; }
  void writeAt(uint64_t offset, std::span<const std::byte> from) const;

 private:
  int release();
  int descriptor_ = -1;
};

/** A regular file that is read and must stay as it is meanwhile. */
class SourceFile {
 public:
  /** Throws Failure not_found, io_failed. */
  explicit SourceFile(const std::string& path);

  int descriptor() const { return file_.descriptor(); }
  uint64_t bytes() const { return static_cast<uint64_t>(opened_.st_size); }
  /** All of `into`. Throws Failure source_changed when the file has become too short. */
  void read(uint64_t offset, std::span<std::byte> into) const;
  /** Throws Failure source_changed when somebody wrote to it since it was opened. */
  void checkUnchanged() const;

 private:
  struct stat state() const;
  File file_;
  struct stat opened_ = {};
};

/** A file that nobody sees under its name before it is whole: made beside it, and gone again unless published. */
class PartialFile {
 public:
  /** Takes the room for `bytes` at once. Throws Failure exists when there is anything at `path`, no_space, io_failed. */
  PartialFile(std::string path, uint64_t bytes, mode_t mode);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const File& file() const { return file_; }
  /** Brings it to the disk, then to its name. Throws Failure exists when something has come there meanwhile. */
  void publish();

 private:
  const std::string path_;
  const std::string directory_;
  const std::string partialPath_;
  File file_;
  bool published_ = false;
};

/** Memory for one chunk, page aligned, kept out of core dumps. */
class ChunkBuffer {
 public:
  explicit ChunkBuffer(size_t bytes);
  ~ChunkBuffer();
  ChunkBuffer(const ChunkBuffer&) = delete;
  ChunkBuffer& operator=(const ChunkBuffer&) = delete;

  std::span<std::byte> first(size_t bytes) const { return {memory_, bytes}; }

 private:
  std::byte* memory_;
  size_t bytes_;
};

}  // namespace hearth::crypt
