#include "core/decode/context_loop.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/failure.h"

namespace hearth {
namespace {

/** Decode steps of one combo before the next that shares its context gets its turn: a switch costs about one
 * token's time. */
constexpr int kSliceSteps = 12;
/** How long a chunk of somebody's prompt may hold up the streams that decode. */
constexpr double kPromptChunkMs = 30;
constexpr size_t kLeastPromptChunk = 32;

}  // namespace

ContextLoop::ContextLoop(llama_context_ptr context, const Vocabulary& vocabulary, Outbox& outbox,
                         SharedCounters& counters)
    : context_(std::move(context)),
      vocabulary_(vocabulary),
      outbox_(outbox),
      counters_(counters),
      slots_(llama_n_seq_max(context_.get())),
      batch_(llama_batch_init(static_cast<int32_t>(llama_n_batch(context_.get())), 0, 1)) {}

ContextLoop::~ContextLoop() { llama_batch_free(batch_); }

void ContextLoop::takeWaiting(ContextLoop& other) {
  std::ranges::move(other.waiting_, std::back_inserter(waiting_));
  other.waiting_.clear();
}

bool ContextLoop::decoding() const {
  return std::ranges::any_of(slots_,
                             [](const auto& sequence) { return sequence && !sequence->prefilling(); });
}

void ContextLoop::dropCancelled() {
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] && slots_[slot]->cancelled()) end(slot, FinishReason::cancelled, "");
  }
  std::erase_if(waiting_, [&](Prepared& prepared) {
    if (!prepared.request->cancelled.load()) return false;
    counters_.cancelledRequests.fetch_add(1);
    counters_.waitingRequests.fetch_sub(1);
    prepared.request->release();
    const auto promptTokens = static_cast<int32_t>(prepared.tokens.size());
    outbox_.push(doneWithoutSequence(*prepared.request, FinishReason::cancelled, "", promptTokens));
    return true;
  });
}

void ContextLoop::endAll(FinishReason reason, const std::string& message) {
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot]) end(slot, reason, message);
  }
  for (Prepared& prepared : waiting_) {
    if (reason == FinishReason::cancelled) counters_.cancelledRequests.fetch_add(1);
    counters_.waitingRequests.fetch_sub(1);
    prepared.request->release();
    const auto promptTokens = static_cast<int32_t>(prepared.tokens.size());
    outbox_.push(doneWithoutSequence(*prepared.request, reason, message, promptTokens));
  }
  waiting_.clear();
}

void ContextLoop::step(bool othersDecode) {
  admit();
  Combo* combo = nextCombo();
  if (combo == nullptr) return;
  if (!useAdapters(*combo)) {
    failCombo(*combo, "Cannot set the combo's adapters: llama.cpp refuses them");
    return;
  }
  ++sliceSteps_;
  fillBatch(*combo, promptBudget(othersDecode));
  if (batch_.n_tokens == 0) return;
  // What waits for the reader should not wait for a prompt too.
  if (promptTokensInBatch_ > 1) outbox_.flush();
  const auto startedAt = Clock::now();
  const int32_t result = llama_decode(context_.get(), batch_);
  countCall();
  if (result != 0) {
    failCombo(*combo, "Cannot decode a batch of " + std::to_string(batch_.n_tokens) +
                          " tokens: llama_decode gave " + std::to_string(result));
    return;
  }
  if (promptTokensInBatch_ >= kLeastPromptChunk) {
    llama_synchronize(context_.get());
    msPerPromptToken_ = milliseconds(Clock::now() - startedAt) / static_cast<double>(promptTokensInBatch_);
  }
  sampleOutputs();
}

/** Waiting requests get free sequences, the oldest first and the lowest sequence first: neighbours decode in
 * one piece. */
void ContextLoop::admit() {
  for (size_t slot = 0; slot < slots_.size() && !waiting_.empty(); ++slot) {
    if (slots_[slot]) continue;
    Prepared prepared = std::move(waiting_.front());
    waiting_.pop_front();
    counters_.waitingRequests.fetch_sub(1);
    if (prepared.maxTokens == 0) {
      prepared.request->release();
      const auto promptTokens = static_cast<int32_t>(prepared.tokens.size());
      outbox_.push(doneWithoutSequence(*prepared.request, FinishReason::length, "", promptTokens));
      --slot;
      continue;
    }
    llama_memory_seq_rm(llama_get_memory(context_.get()), static_cast<llama_seq_id>(slot), -1, -1);
    counters_.promptTokens.fetch_add(prepared.tokens.size());
    slots_[slot] = std::make_unique<Sequence>(std::move(prepared), vocabulary_);
    ++active_;
    counters_.activeSequences.fetch_add(1);
  }
}

/** Who decodes now: the combo whose adapters are set until its slice is over, then the one whose last turn is
 * longest ago. */
Combo* ContextLoop::nextCombo() {
  Combo* other = nullptr;
  bool currentActive = false;
  for (const auto& sequence : slots_) {
    if (!sequence) continue;
    Combo* combo = sequence->combo();
    if (combo == current_) currentActive = true;
    else if (other == nullptr || combo->lastTurn < other->lastTurn) other = combo;
  }
  if (currentActive && (other == nullptr || sliceSteps_ < kSliceSteps)) return current_;
  return other;
}

bool ContextLoop::useAdapters(Combo& combo) {
  if (&combo == current_) return true;
  std::vector<llama_adapter_lora*> adapters;
  std::vector<float> scales;
  for (size_t index = 0; index < combo.adapters.size(); ++index) {
    adapters.push_back(combo.adapters[index]->handle.get());
    scales.push_back(combo.files[index].scale);
  }
  if (current_ != nullptr) counters_.adapterSwitches.fetch_add(1);
  current_ = nullptr;
  if (llama_set_adapters_lora(context_.get(), adapters.data(), adapters.size(), scales.data()) != 0)
    return false;
  current_ = &combo;
  combo.lastTurn = ++turns_;
  sliceSteps_ = 0;
  return true;
}

/** One token of every sequence that decodes, then prompts in turn until the budget is used up. */
void ContextLoop::fillBatch(const Combo& combo, size_t promptBudget) {
  batch_.n_tokens = 0;
  outputs_.clear();
  promptTokensInBatch_ = 0;
  sequencesInBatch_ = 0;
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    const auto& sequence = slots_[slot];
    if (sequence && sequence->combo() == &combo && !sequence->prefilling()) addToken(slot);
  }
  sequencesInBatch_ = static_cast<size_t>(batch_.n_tokens);
  const auto room =
      static_cast<size_t>(static_cast<int32_t>(llama_n_batch(context_.get())) - batch_.n_tokens);
  promptBudget = std::min(promptBudget, room);
  for (size_t slot = 0; slot < slots_.size() && promptBudget > 0; ++slot) {
    const auto& sequence = slots_[slot];
    if (!sequence || sequence->combo() != &combo || !sequence->prefilling()) continue;
    const size_t count = std::min(sequence->promptLeft(), promptBudget);
    for (size_t token = 0; token < count; ++token) addToken(slot);
    promptBudget -= count;
    promptTokensInBatch_ += count;
    ++sequencesInBatch_;
  }
}

void ContextLoop::addToken(size_t slot) {
  Sequence& sequence = *slots_[slot];
  const int32_t index = batch_.n_tokens++;
  const auto [token, position] = sequence.next();
  batch_.token[index] = token;
  batch_.pos[index] = position;
  batch_.n_seq_id[index] = 1;
  batch_.seq_id[index][0] = static_cast<llama_seq_id>(slot);
  batch_.logits[index] = sequence.wantsLogits();
  if (sequence.wantsLogits()) outputs_.push_back({slot, index});
}

/** Also of a call that has failed: its tokens count as there until end() takes their sequences' cells back. */
void ContextLoop::countCall() {
  constexpr auto relaxed = std::memory_order_relaxed;
  const auto tokens = static_cast<uint64_t>(batch_.n_tokens);
  counters_.decodeCalls.fetch_add(1, relaxed);
  counters_.batchTokens.fetch_add(tokens, relaxed);
  counters_.possibleBatchTokens.fetch_add(llama_n_batch(context_.get()), relaxed);
  counters_.batchSequences.fetch_add(sequencesInBatch_, relaxed);
  counters_.possibleBatchSequences.fetch_add(slots_.size(), relaxed);
  const uint64_t used = counters_.usedKvCells.fetch_add(tokens, relaxed) + tokens;
  counters_.kvCellSteps.fetch_add(used, relaxed);
  counters_.possibleKvCellSteps.fetch_add(counters_.kvCells.load(relaxed), relaxed);
}

size_t ContextLoop::promptBudget(bool othersDecode) const {
  const size_t most = llama_n_batch(context_.get());
  if (msPerPromptToken_ <= 0 || !(othersDecode || decoding())) return most;
  return std::clamp(static_cast<size_t>(kPromptChunkMs / msPerPromptToken_),
                    std::min(kLeastPromptChunk, most), most);
}

void ContextLoop::sampleOutputs() {
  for (const Output& output : outputs_) {
    Sequence& sequence = *slots_[output.slot];
    try {
      // Cancelled while its token was decoded: nobody wants to know which one it would be.
      if (sequence.cancelled()) {
        end(output.slot, FinishReason::cancelled, "");
        continue;
      }
      const auto reason = sequence.sample(context_.get(), output.index, outbox_);
      counters_.decodedTokens.fetch_add(1, std::memory_order_relaxed);
      if (reason) end(output.slot, *reason, "");
    } catch (const std::exception&) {
      // The library's message quotes the output.
      end(output.slot, FinishReason::error, "Cannot sample a token: the grammar takes none of the model's");
    }
  }
}

void ContextLoop::failCombo(const Combo& combo, const std::string& message) {
  for (size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] && slots_[slot]->combo() == &combo) end(slot, FinishReason::error, message);
  }
}

void ContextLoop::end(size_t slot, FinishReason reason, const std::string& message) {
  const std::unique_ptr<Sequence> sequence = std::move(slots_[slot]);
  llama_memory_seq_rm(llama_get_memory(context_.get()), static_cast<llama_seq_id>(slot), -1, -1);
  --active_;
  counters_.activeSequences.fetch_sub(1);
  counters_.usedKvCells.fetch_sub(sequence->cells());
  if (reason == FinishReason::cancelled) {
    counters_.cancelledRequests.fetch_add(1);
    const uint64_t after = sequence->tokensAfterCancel();
    if (after > counters_.maxTokensAfterCancel.load()) counters_.maxTokensAfterCancel.store(after);
  }
  sequence->finish(reason, message, outbox_);
}

void ContextLoop::prepare(Combo& combo) {
  if (!useAdapters(combo))
    throw Failure("adapter_mismatch", "Cannot set the combo's adapters: llama.cpp refuses them");
}

void ContextLoop::warmUp() {
  if (slots_[0]) return;
  batch_.n_tokens = 1;
  batch_.token[0] = std::max(0, vocabulary_.startToken());
  batch_.pos[0] = 0;
  batch_.n_seq_id[0] = 1;
  batch_.seq_id[0][0] = 0;
  batch_.logits[0] = 1;
  const int32_t result = llama_decode(context_.get(), batch_);
  llama_synchronize(context_.get());
  llama_memory_seq_rm(llama_get_memory(context_.get()), 0, -1, -1);
  if (result != 0)
    throw Failure("context_failed",
                  "Cannot decode a first token: llama_decode gave " + std::to_string(result));
}

void ContextLoop::forget(const Combo& combo) {
  if (current_ != &combo) return;
  current_ = nullptr;
  llama_set_adapters_lora(context_.get(), nullptr, 0, nullptr);
}

}  // namespace hearth
