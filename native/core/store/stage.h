#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/store/steering.h"
#include "core/store/copy.h"
#include "core/store/decoder.h"
#include "core/store/flight.h"
#include "core/store/source.h"
#include "core/store/store.h"

namespace hearth::store {

/** What the catalogue says that a source must be. */
struct ExpectedDigest {
  /** `sha256`, `blake3`: of the one file. `tree`: the content id, whole or its first 32 digits. */
  enum class Kind { sha256, blake3, tree } kind = Kind::tree;
  std::string hex;

  /** As parseDigest() reads it. */
  std::string text() const { return std::string(kindName()) + ":" + hex; }
  const char* kindName() const {
    return kind == Kind::tree ? "tree" : kind == Kind::blake3 ? "blake3" : "sha256";
  }
};

/** `sha256:<64 hex>`, `blake3:<64 hex>` or `tree:<32 or 64 hex>`; none for anything else. */
std::optional<ExpectedDigest> parseDigest(std::string_view text);

struct StageRequest {
  /** A path, or a segment of another tier. */
  std::variant<std::string, Lease> source;
  /** What the source is known by, its digest included; empty: by what is found at its path. A segment needs one. */
  std::string sourceKey;
  Book book = Book::bases;
  Priority priority = Priority::demand;
  std::optional<ExpectedDigest> digest;
  std::optional<uint64_t> budgetBytes;
  int mostReaders = 16;
  std::optional<int> numaNode;
  /** Null: an encrypted file is refused with `key_required`. It goes, with its keys, when the staging has ended. */
  std::shared_ptr<const Decoders> decoders;
};

struct StageProgress {
  uint64_t bytes = 0;
  uint64_t readyBytes = 0;
  /** Bytes a second; 0 while it is not known. */
  double rate = 0;
  /** Another one stages it. */
  bool joined = false;
};

/** How it came to be there. */
enum class StageOutcome { staged, joined, present, duplicate };

struct StageReport {
  std::string contentId;
  StageOutcome outcome = StageOutcome::staged;
  Lease lease;
  /** In milliseconds: all of it, of that waiting for another's staging, and the copy. */
  double totalMs = 0;
  double waitMs = 0;
  double copyMs = 0;
  CopyTimes times;
  /** Of the source's content. 0 when nothing was read. */
  uint64_t bytes = 0;
  /** Everything was read past the page cache. */
  bool direct = false;
  bool encrypted = false;
  std::string fileSystem;
};

/**
 * Brings a source into a store: reads, decodes, verifies and publishes it, or waits for whoever does. In a durable store
 * encrypted files stay as they are. Blocks; throws StoreFailure; nothing is left when it does.
 */
StageReport stage(const Store& store, StageRequest request, RateCap& prefetchCap, Steering& steering,
                  const std::function<void(const StageProgress&)>& onProgress);

}  // namespace hearth::store
