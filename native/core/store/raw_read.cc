#include "core/store/raw_read.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>
#include <vector>

#include "core/store/chunk_source.h"
#include "core/store/chunk_target.h"
#include "core/store/pacing.h"

namespace hearth::store {
namespace {

std::unique_ptr<ChunkTarget> targetAt(const std::string& path, uint64_t bytes) {
  const Fd fd = openOrFail(path, O_RDWR | O_CREAT, 0600);
  if (ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) failBySystem("store_failed", "size", path, errno);
  return std::make_unique<ChunkTarget>(path, bytes, TargetOptions{});
}

}  // namespace

RawRead rawRead(const std::string& path, int threads, const std::optional<std::string>& into) {
  const Source description = describeSource(path);
  if (description.isFolder)
    throw StoreFailure("invalid_argument", "Cannot read \"" + path + "\": expected a file");
  ChunkSource source(description.files.front(), nullptr, true);
  const uint64_t bytes = source.fileBytes();
  const auto started = Clock::now();
  const auto target = into ? targetAt(*into, bytes) : nullptr;
  std::atomic<uint64_t> next{0};
  std::mutex mutex;
  std::optional<StoreFailure> failure;
  const auto work = [&] {
    const auto outcome = storeOutcomeOf([&] {
      ChunkBuffer buffer;
      for (uint64_t chunk = next++; chunk < chunksOf(bytes); chunk = next++) {
        const size_t length = static_cast<size_t>(std::min(kChunkBytes, bytes - chunk * kChunkBytes));
        source.read(chunk * kChunkBytes, target ? target->place(chunk, buffer) : buffer.bytes(length));
      }
      return true;
    });
    const std::lock_guard lock(mutex);
    if (const auto* failed = std::get_if<StoreFailure>(&outcome)) failure = *failed;
  };
  std::vector<std::thread> readers;
  for (int index = 0; index < threads; ++index) readers.emplace_back(work);
  for (std::thread& reader : readers) reader.join();
  if (failure) throw *failure;
  return {bytes, milliseconds(Clock::now() - started), source.isDirect()};
}

}  // namespace hearth::store
