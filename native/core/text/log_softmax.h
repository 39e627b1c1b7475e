#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hearth {

struct RankedLogprob {
  int32_t token;
  double logprob;
};

struct TokenLogprobs {
  /** Of the chosen token. */
  double chosen;
  /** The best alternatives, the highest first; the chosen token is among them when it ranks there. */
  std::vector<RankedLogprob> top;
};

/**
 * Log probabilities by raw log-softmax: logprob(i) = x_i - max - ln(sum_j exp(x_j - max)).
 * `chosen` is an index into `logits`; `topCount` is cut to their number. A logit of minus infinity gives the
 * lowest double, since JSON has no infinities.
 */
TokenLogprobs logSoftmax(std::span<const float> logits, int32_t chosen, size_t topCount);

/** Index of the highest logit, the first of equals. `logits` is not empty. */
int32_t argmax(std::span<const float> logits);

}  // namespace hearth
