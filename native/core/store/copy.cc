#include "core/store/copy.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/store/blake3.h"

namespace hearth::store {
namespace {

/** How often the rate is measured, the number of threads adjusted and progress told. */
constexpr auto kPeriod = std::chrono::milliseconds(100);

int64_t nanoseconds(Clock::duration span) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
}

/**
 * Digests one chunk: of a file of several the value of its subtree, of an only one the file's, of a last one nothing. A whole
 * chunk that is decoded is hashed piece by piece as that goes on.
 */
class ChunkHasher {
 public:
  ChunkHasher(uint64_t index, uint64_t chunks, size_t bytes)
      : index_(index), isOnly_(chunks == 1), isSubtree_(bytes == kChunkBytes && index + 1 < chunks) {}

  /** For the decoder; empty: it shall show nothing. */
  crypt::ShowPiece showPiece() {
    if (!isSubtree_) return {};
    return [this](std::span<const std::byte> piece) {
      const Clock::time_point started = Clock::now();
      pieces_[seen_] = blake3Subtree(index_ * kPieces + seen_, piece);
      ++seen_;
      spent_ += Clock::now() - started;
    };
  }

  void finish(std::span<const std::byte> bytes, Digest& digest) {
    const Clock::time_point started = Clock::now();
    if (isOnly_) digest = blake3Of(bytes);
    else if (isSubtree_) digest = seen_ == kPieces ? blake3Join(pieces_) : blake3Subtree(index_, bytes);
    spent_ += Clock::now() - started;
  }

  Clock::duration spent() const { return spent_; }

 private:
  static constexpr size_t kPieces = kChunkBytes / crypt::kPieceBytes;

  const uint64_t index_;
  const bool isOnly_;
  const bool isSubtree_;
  std::array<Digest, kPieces> pieces_{};
  size_t seen_ = 0;
  Clock::duration spent_{};
};

uint64_t chunksIn(const std::vector<CopyFile>& files) {
  return files.empty() ? 0 : files.back().firstChunk + files.back().chunks;
}

}  // namespace

Copy::Copy(std::vector<CopyFile>& files, ProgressFile& progress, Pace& pace, ThreadGovernor readers, bool keepsEncoded)
    : files_(files),
      progress_(progress),
      pace_(pace),
      governor_(readers),
      reading_(readers.threads()),
      keepsEncoded_(keepsEncoded),
      chunks_(chunksIn(files)),
      digests_(chunks_),
      ready_(chunks_) {}

Copy::~Copy() { join(); }

/** Making room and hashing take half a core at 3 GB/s, decoding as much again. */
int Copy::threadsFor(int readers) {
  return readers + std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 2, 8);
}

void Copy::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Copy::run(const std::function<void(const CopyProgress&)>& onProgress) {
  adjust(governor_.threads());
  Clock::time_point since = Clock::now();
  uint64_t bytesThen = 0;
  CopyProgress told;
  onProgress(told);
  std::unique_lock lock(mutex_);
  while (readyChunks_ < chunks_ && !failure_) {
    if (changed_.wait_until(lock, since + kPeriod, [&] { return readyChunks_ == chunks_ || failure_; })) break;
    lock.unlock();
    const Clock::time_point now = Clock::now();
    told.readyBytes = progress_.readyBytes();
    const double rate = static_cast<double>(told.readyBytes - bytesThen) * 1000 / milliseconds(now - since);
    told.rate = told.rate == 0 ? rate : 0.7 * told.rate + 0.3 * rate;
    since = now;
    bytesThen = told.readyBytes;
    adjust(governor_.observe(rate));
    onProgress(told);
    lock.lock();
  }
  lock.unlock();
  join();
  if (failure_) throw *failure_;
  told.readyBytes = progress_.readyBytes();
  onProgress(told);
}

void Copy::adjust(int readers) {
  reading_.setMost(readers);
  const std::lock_guard lock(mutex_);
  if (failure_) return;
  const int threads = threadsFor(readers);
  target_ = static_cast<int>(std::min<uint64_t>(static_cast<uint64_t>(threads), std::max<uint64_t>(1, chunks_)));
  while (alive_ < target_ && next_ < chunks_) {
    ++alive_;
    threads_.emplace_back([this] { work(); });
  }
  mostAlive_ = std::max(mostAlive_, alive_);
}

bool Copy::takesLeave() {
  const std::lock_guard lock(mutex_);
  if (!failure_ && alive_ <= target_) return false;
  --alive_;
  return true;
}

void Copy::work() {
  try {
    ChunkBuffer buffer;
    ChunkBuffer scratch;
    while (!takesLeave()) {
      const uint64_t chunk = next_.fetch_add(1);
      if (chunk >= chunks_) return;
      copyChunk(chunk, buffer, scratch);
    }
  } catch (...) {
    const auto outcome = storeOutcomeOf([]() -> bool { throw; });
    fail(std::get<StoreFailure>(outcome));
  }
}

const CopyFile& Copy::fileOf(uint64_t chunk) const {
  // The last one that begins at it or before; empty files have no chunk.
  const auto after = std::ranges::upper_bound(files_, chunk, {}, &CopyFile::firstChunk);
  auto file = std::prev(after);
  while (file->chunks == 0) --file;
  return *file;
}

void Copy::copyChunk(uint64_t chunk, ChunkBuffer& buffer, ChunkBuffer& scratch) {
  const CopyFile& file = fileOf(chunk);
  const uint64_t index = chunk - file.firstChunk;
  const size_t length = file.target->chunkBytes(index);
  pace_.beforeChunk(length);

  std::span<std::byte> bytes = file.target->place(index, buffer);
  Clock::duration reading{};
  {
    const Turns::Turn turn(reading_);
    const Clock::time_point started = Clock::now();
    file.source->read(file.source->dataOffset() + index * kChunkBytes, bytes);
    reading = Clock::now() - started;
  }
  if (keepsEncoded_) file.target->put(index, bytes);
  const Clock::time_point read = Clock::now();
  ChunkHasher hasher(index, file.chunks, length);
  if (const ChunkDecoder* decoder = file.source->decoder()) {
    if (keepsEncoded_) {
      const std::span<std::byte> copy = scratch.bytes(length);
      std::memcpy(copy.data(), bytes.data(), length);
      bytes = copy;
    }
    decoder->open(index, bytes, hasher.showPiece());
  }
  hasher.finish(bytes, digests_[chunk]);
  const Clock::time_point hashed = Clock::now();
  if (!keepsEncoded_) file.target->put(index, bytes);

  readNs_ += nanoseconds(reading);
  decodeNs_ += nanoseconds(hashed - read - hasher.spent());
  verifyNs_ += nanoseconds(hasher.spent());
  progress_.markReady(chunk, length);
  {
    const std::lock_guard lock(mutex_);
    ready_[chunk] = true;
    ++readyChunks_;
  }
  changed_.notify_all();
}

Digest Copy::digestOf(const CopyFile& file) const {
  if (file.chunks == 0) return blake3Of(std::string_view());
  const auto digests = std::span(digests_).subspan(file.firstChunk, file.chunks);
  if (file.chunks == 1) return digests.front();
  ChunkBuffer buffer;
  const uint64_t last = file.chunks - 1;
  const std::span<std::byte> bytes = file.target->view(last, buffer);
  if (keepsEncoded_ && file.source->decoder() != nullptr) file.source->decoder()->open(last, bytes);
  return blake3Root(digests.first(last), kChunkBytes, bytes);
}

bool Copy::waitReady(uint64_t chunk) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_[chunk] || failure_; });
  return !failure_;
}

void Copy::fail(StoreFailure failure) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_.emplace(std::move(failure));
  }
  changed_.notify_all();
}

CopyTimes Copy::times() const {
  const auto inMs = [](int64_t ns) { return static_cast<double>(ns) / 1e6; };
  return {inMs(readNs_), inMs(decodeNs_), inMs(verifyNs_), mostAlive_};
}

}  // namespace hearth::store
