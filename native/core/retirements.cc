#include "core/retirements.h"

#include <algorithm>
#include <utility>

namespace hearth {

void Retirements::begin(const void* context, std::string combo) { combos_.emplace(context, std::move(combo)); }

void Retirements::end(const void* context) {
  const auto found = combos_.find(context);
  if (found == combos_.end()) return;
  const std::string combo = std::move(found->second);
  combos_.erase(found);
  if (std::ranges::any_of(combos_, [&](const auto& entry) { return entry.second == combo; })) return;
  const auto waits = waits_.extract(combo);
  if (waits.empty()) return;
  for (const auto& done : waits.mapped()) done(Done{});
}

void Retirements::wait(const std::string& combo, Completion<Done> done) {
  if (std::ranges::any_of(combos_, [&](const auto& entry) { return entry.second == combo; }))
    waits_[combo].push_back(std::move(done));
  else done(Done{});
}

void Retirements::fail(const Failure& failure) {
  combos_.clear();
  for (const auto& [combo, waits] : std::exchange(waits_, {}))
    for (const auto& done : waits) done(failure);
}

}  // namespace hearth
