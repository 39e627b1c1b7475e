#include "core/store/pacing.h"

#include <algorithm>
#include <iterator>

namespace hearth::store {
namespace {

constexpr int kSteps[] = {1, 2, 4, 6, 8, 12, 16};
constexpr double kWorthIt = 1.1;
constexpr double kChanged = 0.3;
constexpr auto kBurst = std::chrono::milliseconds(250);

size_t lastStepWithin(int most) {
  size_t step = 0;
  while (step + 1 < std::size(kSteps) && kSteps[step + 1] <= most) ++step;
  return step;
}

}  // namespace

ThreadGovernor::ThreadGovernor(int first, int most)
    : step_(lastStepWithin(std::min(first, most))), lastStep_(lastStepWithin(most)) {}

int ThreadGovernor::threads() const { return kSteps[step_]; }

int ThreadGovernor::observe(double rate) {
  if (rate <= 0) return threads();
  if (mode_ == Mode::holding) {
    if (std::abs(rate - lastRate_) < kChanged * lastRate_) return threads();
    mode_ = Mode::climbing;
  } else if (lastRate_ > 0 && rate < kWorthIt * lastRate_) {
    if (step_ > 0) --step_;
    mode_ = Mode::holding;
    lastRate_ = rate;
    return threads();
  }
  lastRate_ = rate;
  if (step_ < lastStep_) ++step_;
  else mode_ = Mode::holding;
  return threads();
}

void RateCap::set(std::optional<double> bytesPerSecond) {
  const std::lock_guard lock(mutex_);
  rate_ = bytesPerSecond;
  paidUntil_ = {};
}

Clock::duration RateCap::take(uint64_t bytes, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (!rate_) return {};
  const auto cost = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(static_cast<double>(bytes) / *rate_));
  const Clock::time_point from = std::max(paidUntil_, now - kBurst);
  paidUntil_ = from + cost;
  return std::max(Clock::duration{}, from - now);
}

}  // namespace hearth::store
