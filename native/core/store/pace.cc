#include "core/store/pace.h"

#include <algorithm>

namespace hearth::store {
namespace {

/** How often one that waits looks whether it still has to. */
constexpr Clock::duration kLook = std::chrono::milliseconds(20);

}  // namespace

Pace::Pace(const Layout& layout, std::string sourceKey, Priority priority, RateCap& cap, Steering& steering)
    : layout_(layout), sourceKey_(std::move(sourceKey)), cap_(cap), steering_(steering) {
  if (priority == Priority::demand) becomeDemand();
}

void Pace::becomeDemand() {
  const std::lock_guard lock(mutex_);
  if (flag_) return;
  flag_.emplace(Flag::raise(layout_.demandLock()));
  demand_ = true;
}

bool Pace::isDemand() {
  if (!demand_ && (steering_.isHurried() || Flag::isRaised(layout_.wantedLock(sourceKey_)))) becomeDemand();
  return demand_;
}

void Pace::beforeChunk(uint64_t bytes) {
  steering_.check();
  if (isDemand()) return;
  while (Flag::isRaised(layout_.demandLock())) {
    steering_.wait(kLook);
    if (isDemand()) return;
  }
  const Clock::time_point due = Clock::now() + cap_.take(bytes, Clock::now());
  for (auto left = due - Clock::now(); left > Clock::duration{}; left = due - Clock::now()) {
    steering_.wait(std::min(left, kLook));
    if (isDemand()) return;
  }
}

}  // namespace hearth::store
