#pragma once

#include <memory>
#include <optional>

#include "core/decode/message_stream.h"
#include "core/outbox.h"
#include "core/prompt/prepare.h"
#include "core/text/output_text.h"

namespace hearth {

/** A request while it holds a sequence of a context: its prompt, its sampler, its output. Decode thread only.
 */
class Sequence {
 public:
  Sequence(Prepared prepared, const Vocabulary& vocabulary);

  const Request& request() const { return *prepared_.request; }
  Combo* combo() const { return prepared_.request->combo.get(); }
  bool cancelled() const { return prepared_.request->cancelled.load(std::memory_order_relaxed); }
  bool prefilling() const { return position_ < prepared_.tokens.size(); }

  /** Prompt tokens that are still to decode. */
  size_t promptLeft() const { return prepared_.tokens.size() - position_; }
  /** The next token to decode and its position, which it moves past: a prompt token, then the one sampled
   * last. */
  std::pair<llama_token, llama_pos> next();
  /** next() has just given the last known token: its logits are wanted. */
  bool wantsLogits() const { return position_ >= prepared_.tokens.size(); }

  /**
   * Samples from the logits at `index` and gives out the text that is certain. What ends the request, if
   * anything does. Throws what a grammar throws.
   */
  std::optional<FinishReason> sample(llama_context* context, int32_t index, Outbox& outbox);

  /** The request's last delta and its `done`. To be called once. */
  void finish(FinishReason reason, const std::string& message, Outbox& outbox);

  /** KV cells that it holds: those of the tokens that next() gave. */
  size_t cells() const { return position_; }
  size_t promptTokens() const { return prepared_.tokens.size(); }
  int32_t completionTokens() const { return completionTokens_; }
  uint64_t tokensAfterCancel() const { return tokensAfterCancel_; }

 private:
  llama_token choose(llama_context* context, int32_t index);
  void noteLogprobs(llama_token token, const float* logits);
  TokenAlternative alternative(llama_token token, double logprob) const;
  void give(std::string text, bool last, bool whole, Outbox& outbox);

  Prepared prepared_;
  const Vocabulary& vocabulary_;
  OutputText output_;
  std::optional<MessageStream> message_;
  std::vector<TokenLogprob> heldLogprobs_;
  size_t position_ = 0;
  llama_token last_ = LLAMA_TOKEN_NULL;
  int32_t completionTokens_ = 0;
  uint64_t tokensAfterCancel_ = 0;
  bool anyDelta_ = false;
  const Clock::time_point startedAt_ = Clock::now();
  std::optional<Clock::time_point> firstTokenAt_;
};

/** The `done` of a request that never got a sequence. */
DoneEvent doneWithoutSequence(const Request& request, FinishReason reason, const std::string& message,
                              int32_t promptTokens);

}  // namespace hearth
