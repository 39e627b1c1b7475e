#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "core/failure.h"
#include "core/llama/vocabulary.h"
#include "core/request.h"
#include "llama-cpp.h"

namespace hearth {

/** Texts to embed, tokenised. */
struct EmbedJob {
  std::shared_ptr<Combo> combo;
  std::vector<std::vector<llama_token>> inputs;
  std::function<void(Outcome<EmbedResult>)> done;
};

/**
 * Mean-pooled, L2-normalised embeddings from a context of its own, made at the first job. The mean is taken
 * here, over the last hidden states, so that an input longer than a batch is decoded in chunks and never
 * holds up the streams for long. Decode thread only.
 */
class Embedder {
 public:
  Embedder(llama_model& model, int32_t contextTokens, std::atomic<uint64_t>& progress)
      : model_(model), contextTokens_(contextTokens), progress_(progress) {}
  ~Embedder();

  void add(EmbedJob job);
  bool hasWork() const { return !jobs_.empty(); }
  /** One decode call. */
  void step(int32_t threads);
  void endAll(const Failure& failure);
  /** The combo goes: its adapters may be freed once this returns. */
  void forget(const Combo& combo);
  void setThreads(int32_t threads);

 private:
  /** A job and how far it is: inputs before `firstInput` are done, `decoded` tokens of the current pack too.
   */
  struct Progress {
    EmbedJob job;
    EmbedResult result;
    std::vector<std::vector<double>> sums;
    size_t firstInput = 0;
    size_t packEnd = 0;
    size_t decoded = 0;
  };

  void prepareContext(const Combo& combo, int32_t threads);
  void startPack(Progress& progress);
  bool decodePack(Progress& progress);
  void finishPack(Progress& progress);
  void complete(Outcome<EmbedResult> outcome);

  llama_model& model_;
  const int32_t contextTokens_;
  std::atomic<uint64_t>& progress_;
  llama_context_ptr context_;
  llama_batch batch_{};
  const Combo* current_ = nullptr;
  std::deque<Progress> jobs_;
};

}  // namespace hearth
