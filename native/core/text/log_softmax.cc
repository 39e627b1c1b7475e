#include "core/text/log_softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace hearth {

TokenLogprobs logSoftmax(std::span<const float> logits, int32_t chosen, size_t topCount) {
  const double highest = logits[static_cast<size_t>(argmax(logits))];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  const double norm = highest + std::log(sum);
  const auto logprobOf = [&](int32_t token) {
    return std::max(static_cast<double>(logits[static_cast<size_t>(token)]) - norm,
                    std::numeric_limits<double>::lowest());
  };

  TokenLogprobs result{logprobOf(chosen), {}};
  const size_t count = std::min(topCount, logits.size());
  if (count == 0) return result;
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](int32_t left, int32_t right) {
                      const float a = logits[static_cast<size_t>(left)];
                      const float b = logits[static_cast<size_t>(right)];
                      return a != b ? a > b : left < right;
                    });
  result.top.reserve(count);
  for (size_t rank = 0; rank < count; ++rank) result.top.push_back({order[rank], logprobOf(order[rank])});
  return result;
}

int32_t argmax(std::span<const float> logits) {
  // Two plain passes are vectorised by the compiler; one pass that keeps the index is not.
  float highest = -std::numeric_limits<float>::infinity();
  for (const float logit : logits) highest = logit > highest ? logit : highest;
  for (size_t index = 0; index < logits.size(); ++index) {
    if (logits[index] == highest) return static_cast<int32_t>(index);
  }
  return 0;
}

}  // namespace hearth
