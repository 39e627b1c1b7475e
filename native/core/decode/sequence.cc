#include "core/decode/sequence.h"

#include <algorithm>

#include "core/text/log_softmax.h"

namespace hearth {

Sequence::Sequence(Prepared prepared, const Vocabulary& vocabulary)
    : prepared_(std::move(prepared)), vocabulary_(vocabulary), output_(prepared_.stops) {
  if (prepared_.parser) message_.emplace(std::move(*prepared_.parser));
}

std::pair<llama_token, llama_pos> Sequence::next() {
  const llama_token token = prefilling() ? prepared_.tokens[position_] : last_;
  return {token, static_cast<llama_pos>(position_++)};
}

std::optional<FinishReason> Sequence::sample(llama_context* context, int32_t index, Outbox& outbox) {
  if (cancelled()) ++tokensAfterCancel_;
  const llama_token token = choose(context, index);
  if (!firstTokenAt_) firstTokenAt_ = Clock::now();
  ++completionTokens_;
  last_ = token;
  if (vocabulary_.isEndOfGeneration(token)) return FinishReason::stop;

  std::string bytes;
  vocabulary_.appendPiece(token, prepared_.preserved.contains(token), bytes);
  if (prepared_.request->options.topLogprobs) noteLogprobs(token, llama_get_logits_ith(context, index));
  std::string text;
  const bool stopped = output_.push(bytes, text);
  const bool full = completionTokens_ >= prepared_.maxTokens;
  if (stopped || full) {
    give(std::move(text), false, false, outbox);
    return stopped ? FinishReason::stop : FinishReason::length;
  }
  give(std::move(text), false, false, outbox);
  return std::nullopt;
}

llama_token Sequence::choose(llama_context* context, int32_t index) {
  if (!prepared_.sampler) {
    const float* logits = llama_get_logits_ith(context, index);
    return argmax({logits, static_cast<size_t>(vocabulary_.size())});
  }
  const auto given = static_cast<size_t>(completionTokens_);
  const llama_token token = given < prepared_.forced.size()
                                ? prepared_.forced[given]
                                : common_sampler_sample(prepared_.sampler.get(), context, index);
  common_sampler_accept(prepared_.sampler.get(), token, true);
  return token;
}

void Sequence::noteLogprobs(llama_token token, const float* logits) {
  const size_t top = *prepared_.request->options.topLogprobs;
  const TokenLogprobs logprobs = logSoftmax({logits, static_cast<size_t>(vocabulary_.size())}, token, top);
  TokenLogprob entry{alternative(token, logprobs.chosen), {}};
  for (const RankedLogprob& ranked : logprobs.top)
    entry.top.push_back(alternative(ranked.token, ranked.logprob));
  heldLogprobs_.push_back(std::move(entry));
}

TokenAlternative Sequence::alternative(llama_token token, double logprob) const {
  std::string bytes;
  vocabulary_.appendPiece(token, true, bytes);
  std::string text = toValidUtf8(bytes);
  return {std::move(text), std::move(bytes), logprob};
}

/** Sends `text` on, by the parser where there is one, with the log probabilities of the tokens that it
 * completes. */
void Sequence::give(std::string text, bool last, bool whole, Outbox& outbox) {
  DeltaEvent delta{request().id, "", "", {}, {}};
  if (message_) {
    message_->append(text);
    if (last) message_->finish(whole, delta);
    else if (message_->due()) message_->read(delta);
  } else {
    delta.text = std::move(text);
  }
  const size_t complete = std::min(output_.takeTokens(), heldLogprobs_.size());
  if (complete > 0) {
    const auto end = heldLogprobs_.begin() + static_cast<std::ptrdiff_t>(complete);
    std::move(heldLogprobs_.begin(), end, std::back_inserter(delta.logprobs));
    heldLogprobs_.erase(heldLogprobs_.begin(), end);
  }
  if (delta.empty()) return;
  outbox.pushDelta(std::move(delta), !anyDelta_);
  anyDelta_ = true;
}

void Sequence::finish(FinishReason reason, const std::string& message, Outbox& outbox) {
  if (reason == FinishReason::stop || reason == FinishReason::length) {
    std::string text;
    output_.finish(text);
    give(std::move(text), true, reason == FinishReason::stop, outbox);
    if (reason == FinishReason::stop && message_ && message_->hasToolCalls())
      reason = FinishReason::toolCalls;
  }
  const Clock::time_point now = Clock::now();
  DoneEvent done =
      doneWithoutSequence(request(), reason, message, static_cast<int32_t>(prepared_.tokens.size()));
  done.completionTokens = completionTokens_;
  done.queueMs = milliseconds(startedAt_ - request().submittedAt);
  done.prefillMs = milliseconds(firstTokenAt_.value_or(now) - startedAt_);
  done.decodeMs = milliseconds(now - firstTokenAt_.value_or(now));
  prepared_.request->release();
  outbox.push(std::move(done));
}

DoneEvent doneWithoutSequence(const Request& request, FinishReason reason, const std::string& message,
                              int32_t promptTokens) {
  return {request.id, reason, message, promptTokens, 0, 0, milliseconds(Clock::now() - request.submittedAt),
          0,          0};
}

}  // namespace hearth
