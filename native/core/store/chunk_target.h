#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/store/content.h"
#include "core/store/posix.h"

namespace hearth::store {

/** Memory of one chunk, aligned for O_DIRECT. */
class ChunkBuffer {
 public:
  ChunkBuffer() = default;
  ~ChunkBuffer();
  ChunkBuffer(const ChunkBuffer&) = delete;
  ChunkBuffer& operator=(const ChunkBuffer&) = delete;

  /** Made at the first call; it never goes into a core dump. */
  std::span<std::byte> bytes(size_t length);
  /** From now on it never goes to the swap either. Throws `out_of_memory` when it may not be locked. */
  void lock();
  /** May this process lock so many of them (RLIMIT_MEMLOCK)? */
  static bool canLock(int buffers);

 private:
  void* memory_ = nullptr;
  bool locked_ = false;
};

/** Does the file, of a tmpfs, get huge pages when it is written? It has its size. Throws StoreFailure. */
bool hasHugePages(const std::string& path);

/** How a file of a half-made segment is filled. */
struct TargetOptions {
  /** Where it lies decides how it is filled. */
  enum class Way {
    /** Read straight into its pages: a tmpfs of huge pages, and what must be nowhere else. */
    mapped,
    /**
     * Written from a buffer, which makes pages without clearing them first and needs no page table: on a tmpfs of 4 KiB pages
     * that takes a seventh less of the cores than reading into them (ADR 0017).
     */
    written,
    /** The same on a disk, whose room is allocated all at once. */
    writtenToDisk
  } way = Way::mapped;
  /** Where chunk 0 goes. */
  uint64_t dataOffset = 0;
  /** Plaintext of an encrypted file: kept out of core dumps. */
  bool secret = false;
  /** Where its pages shall lie; none: anywhere. */
  std::optional<int> numaNode;
};

/**
 * A file that is filled in chunks, by any threads, each chunk by one. Its pages are allocated chunk by chunk before
 * they are touched, so a full file system is `store_full` and no SIGBUS. Not all at once: that takes 0.4 s per GiB
 * of 4 KiB pages in one thread before the first byte is read (ADR 0014).
 */
class ChunkTarget {
 public:
  /** Opens what reserve() made. Throws StoreFailure. */
  ChunkTarget(std::string path, uint64_t contentBytes, TargetOptions options);
  ~ChunkTarget();
  ChunkTarget(const ChunkTarget&) = delete;
  ChunkTarget& operator=(const ChunkTarget&) = delete;

  size_t chunkBytes(uint64_t chunk) const;
  /** Where the chunk is to be put: in the file itself, or in `buffer` for put(). */
  std::span<std::byte> place(uint64_t chunk, ChunkBuffer& buffer);
  /** The chunk is where place() said. */
  void put(uint64_t chunk, std::span<const std::byte> bytes);
  /** Bytes elsewhere in the file; only where it is written from buffers. */
  void write(uint64_t offset, std::span<const std::byte> bytes);
  /** A chunk that was put, in the file itself or read back into `buffer`. */
  std::span<std::byte> view(uint64_t chunk, ChunkBuffer& buffer) const;

 private:
  bool isMapped() const { return options_.way == TargetOptions::Way::mapped; }
  void map();
  void allocate();
  [[noreturn]] void fail(const char* action, int error) const;

  const std::string path_;
  const uint64_t contentBytes_;
  const TargetOptions options_;
  Fd fd_;
  Fd direct_;
  std::byte* map_ = nullptr;
};

}  // namespace hearth::store
