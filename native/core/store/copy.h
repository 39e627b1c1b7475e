#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/store/chunk_source.h"
#include "core/store/chunk_target.h"
#include "core/store/pace.h"
#include "core/store/progress.h"
#include "core/store/turns.h"

namespace hearth::store {

/** One file of a copy. */
struct CopyFile {
  std::unique_ptr<ChunkSource> source;
  std::unique_ptr<ChunkTarget> target;
  uint64_t firstChunk = 0;
  uint64_t chunks = 0;
};

/** What the threads did, in milliseconds of all of them together; how many there were at most, whatever they did. */
struct CopyTimes {
  double readMs = 0;
  double decodeMs = 0;
  double verifyMs = 0;
  int mostThreads = 0;
};

/** How far it is; `rate` in bytes a second over the last moments. */
struct CopyProgress {
  uint64_t readyBytes = 0;
  double rate = 0;
};

/**
 * Reads files in chunks with several threads, decodes and hashes each chunk while it is in the cache, and tells which
 * are ready. So many of them read at a time as the measured rate makes worth it; the others work on what was read, so that
 * the source waits for nobody while there are cores. `keepsEncoded`: what lies in the target is as it was in the source, only the digests are of the
 * plaintext.
 */
class Copy {
 public:
  Copy(std::vector<CopyFile>& files, ProgressFile& progress, Pace& pace, ThreadGovernor readers, bool keepsEncoded);
  ~Copy();

  /**
   * Until all is copied. Tells progress at the beginning, ten times a second, and at the end. Throws the first failure of
   * any thread, when all have ended.
   */
  void run(const std::function<void(const CopyProgress&)>& onProgress);
  /** Waits for a chunk; false when the copy has failed. For a thread beside those of the copy. */
  bool waitReady(uint64_t chunk);
  /** Ends the copy with this failure. */
  void fail(StoreFailure failure);

  /** How many threads there are when so many read. */
  static int threadsFor(int readers);

  bool keepsEncoded() const { return keepsEncoded_; }
  /** BLAKE3 of a file's plaintext, when all is copied. */
  Digest digestOf(const CopyFile& file) const;
  CopyTimes times() const;

 private:
  void work();
  bool takesLeave();
  void copyChunk(uint64_t chunk, ChunkBuffer& buffer, ChunkBuffer& scratch);
  const CopyFile& fileOf(uint64_t chunk) const;
  void adjust(int readers);
  void join();

  std::vector<CopyFile>& files_;
  ProgressFile& progress_;
  Pace& pace_;
  ThreadGovernor governor_;
  Turns reading_;
  const bool keepsEncoded_;
  const uint64_t chunks_;
  /** Of each chunk the value of its subtree, of a file's only one that of the file, of a last one nothing. */
  std::vector<Digest> digests_;
  std::atomic<uint64_t> next_{0};
  std::atomic<int64_t> readNs_{0};
  std::atomic<int64_t> decodeNs_{0};
  std::atomic<int64_t> verifyNs_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<bool> ready_;
  uint64_t readyChunks_ = 0;
  int target_ = 0;
  int alive_ = 0;
  int mostAlive_ = 0;
  std::optional<StoreFailure> failure_;
  std::vector<std::thread> threads_;
};

}  // namespace hearth::store
