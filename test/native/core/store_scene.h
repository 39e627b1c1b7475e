#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "core/store/blake3.h"
#include "core/store/sha256.h"
#include "core/store/stage.h"

/** What the tests of native/core/store share: stores and sources in folders of their own. */
namespace store_scene {

using namespace hearth::store;

/** tmpfs on every Linux: what a store in memory is. */
inline constexpr char kMemory[] = "/dev/shm";
/** Whatever holds the tests' temporary files, mostly a disk. */
inline std::string diskFolder() { return std::filesystem::temp_directory_path(); }

/** A folder that goes with the test. */
class Folder {
 public:
  explicit Folder(const std::string& parent = kMemory) : path_(parent + "/hearth-store-XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/** Bytes by chance, the same for one seed. */
inline std::string bytesOf(size_t length, unsigned seed = 1) {
  std::mt19937_64 random(seed);
  std::string bytes(length, '\0');
  for (size_t at = 0; at < length; at += 8) {
    const uint64_t word = random();
    bytes.replace(at, std::min<size_t>(8, length - at), reinterpret_cast<const char*>(&word),
                  std::min<size_t>(8, length - at));
  }
  return bytes;
}

inline void put(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string contentsOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline size_t entriesIn(const std::string& folder) { return namesIn(folder).size(); }

/** The code of the failure that `action` throws, "none" when it throws none. */
template <typename Action>
std::string codeOf(Action&& action) {
  try {
    action();
  } catch (const hearth::Failure& failure) {
    return failure.code;
  }
  return "none";
}

inline void nobody(const StageProgress&) {}

/** Stages a path and waits for it. */
inline StageReport stageFile(const Store& store, const std::string& path, StageRequest request = {}) {
  request.source = path;
  RateCap cap;
  Steering steering;
  return stage(store, std::move(request), cap, steering, nobody);
}

/** The content id by the contract alone: BLAKE3 of all bytes in one go. */
inline std::string idByContract(const std::string& bytes) { return hexOf(blake3Of(bytes)); }

/** A container that is no secret: every byte is turned over, behind a page of header and before a tail. */
class TurnedOver : public ChunkDecoder {
 public:
  TurnedOver(uint64_t bytes, bool damaged) : bytes_(bytes), damaged_(damaged) {}
  uint64_t plaintextBytes() const override { return bytes_; }
  uint64_t dataOffset() const override { return kPageBytes; }
  using ChunkDecoder::open;
  void open(uint64_t chunk, std::span<std::byte> bytes, const hearth::crypt::ShowPiece& show) const override {
    if (damaged_ && chunk == 1) throw StoreFailure("chunk_damaged", "Cannot open chunk 1");
    for (std::byte& each : bytes) each = ~each;
    for (size_t at = 0; show && at < bytes.size(); at += hearth::crypt::kPieceBytes)
      show(bytes.subspan(at, std::min(hearth::crypt::kPieceBytes, bytes.size() - at)));
  }

 private:
  uint64_t bytes_;
  bool damaged_;
};

class TurnOver : public Decoders {
 public:
  static constexpr size_t kTailBytes = 100;
  explicit TurnOver(bool damaged = false) : damaged_(damaged) {}

  static std::string containerOf(std::string text) {
    for (char& each : text) each = static_cast<char>(~each);
    return std::string(kPageBytes, 'H') + text + std::string(kTailBytes, 'T');
  }
  std::unique_ptr<ChunkDecoder> decoderFor(const Fd&, uint64_t bytes, const std::string& path) const override {
    if (!path.ends_with(".hearth")) return nullptr;
    return std::make_unique<TurnedOver>(bytes - kPageBytes - kTailBytes, damaged_);
  }

 private:
  bool damaged_;
};

}  // namespace store_scene
