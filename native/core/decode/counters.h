#pragma once

#include <atomic>
#include <cstdint>

namespace hearth {

/** Written by the native threads, read by anyone. */
struct SharedCounters {
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> cancelledRequests{0};
  std::atomic<uint64_t> promptTokens{0};
  std::atomic<uint64_t> decodedTokens{0};
  std::atomic<uint64_t> maxTokensAfterCancel{0};
  std::atomic<uint64_t> decodeCalls{0};
  /** Of each decode call, added up: tokens, and sequences that had one, and how many its context could have taken. */
  std::atomic<uint64_t> batchTokens{0};
  std::atomic<uint64_t> possibleBatchTokens{0};
  std::atomic<uint64_t> batchSequences{0};
  std::atomic<uint64_t> possibleBatchSequences{0};
  /** After each decode call, added up: `usedKvCells` and `kvCells`. */
  std::atomic<uint64_t> kvCellSteps{0};
  std::atomic<uint64_t> possibleKvCellSteps{0};
  std::atomic<uint64_t> adapterSwitches{0};
  std::atomic<uint64_t> activeSequences{0};
  /** Submitted and without a sequence yet. */
  std::atomic<uint64_t> waitingRequests{0};
  /** Jobs of embeddings that have not ended. */
  std::atomic<uint64_t> embeddings{0};
  /** Grows while the decode thread gets on: with each round, and on the CPU within one. */
  std::atomic<uint64_t> progress{0};
  std::atomic<uint64_t> contexts{0};
  std::atomic<uint64_t> kvBytes{0};
  /** Places of tokens in the KV caches of all contexts of generation, and those with a token of a running request. */
  std::atomic<uint64_t> kvCells{0};
  std::atomic<uint64_t> usedKvCells{0};
  std::atomic<int32_t> threads{0};
};

}  // namespace hearth
