#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "core/decode/counters.h"
#include "core/decode/sequence.h"
#include "core/llama/context.h"

namespace hearth {

/**
 * One generation context and the requests of the combos that use it. A context has one set of adapters at a
 * time, so combos that share it take turns of several decode steps. Decode thread only.
 *
 * A sequence's KV cells are removed before a request gets it and after the request is done: nothing of one
 * request is there for another.
 */
class ContextLoop {
 public:
  ContextLoop(llama_context_ptr context, const Vocabulary& vocabulary, Outbox& outbox,
              SharedCounters& counters);
  ~ContextLoop();

  /** Combos that were given this context. Kept by the engine's control thread. */
  int sharers = 0;

  void add(Prepared prepared) { waiting_.push_back(std::move(prepared)); }
  /** Those of the other that have no sequence yet, behind its own. */
  void takeWaiting(ContextLoop& other);
  int32_t sequences() const { return static_cast<int32_t>(slots_.size()); }
  bool hasWork() const { return active_ > 0 || !waiting_.empty(); }
  bool decoding() const;
  /** Ends the cancelled requests, waiting or not. */
  void dropCancelled();
  /** Ends every request. */
  void endAll(FinishReason reason, const std::string& message);
  /** One decode call for one combo. `othersDecode`: streams elsewhere wait for this one, so a prompt chunk is
   * kept short. */
  void step(bool othersDecode);

  /** Sets the combo's adapters. Throws Failure when llama.cpp refuses them. */
  void prepare(Combo& combo);
  /** Decodes a token for the combo whose adapters are set, so that its requests find first-use work done.
   * Throws Failure. */
  void warmUp();
  /** The combo goes: its adapters may be freed once this returns. */
  void forget(const Combo& combo);
  void setThreads(int32_t threads) { llama_set_n_threads(context_.get(), threads, threads); }

 private:
  struct Output {
    size_t slot;
    int32_t index;
  };

  void admit();
  Combo* nextCombo();
  bool useAdapters(Combo& combo);
  void fillBatch(const Combo& combo, size_t promptBudget);
  void addToken(size_t slot);
  void countCall();
  size_t promptBudget(bool othersDecode) const;
  void sampleOutputs();
  void failCombo(const Combo& combo, const std::string& message);
  void end(size_t slot, FinishReason reason, const std::string& message);

  llama_context_ptr context_;
  const Vocabulary& vocabulary_;
  Outbox& outbox_;
  SharedCounters& counters_;
  std::vector<std::unique_ptr<Sequence>> slots_;
  size_t active_ = 0;
  std::deque<Prepared> waiting_;
  llama_batch batch_;
  std::vector<Output> outputs_;
  /** Whose adapters are set. */
  Combo* current_ = nullptr;
  int sliceSteps_ = 0;
  uint64_t turns_ = 0;
  size_t promptTokensInBatch_ = 0;
  size_t sequencesInBatch_ = 0;
  double msPerPromptToken_ = 0;
};

}  // namespace hearth
