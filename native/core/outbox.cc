#include "core/outbox.h"

#include <iterator>

namespace hearth {
namespace {

void merge(DeltaEvent& into, DeltaEvent&& delta) {
  into.text += delta.text;
  into.reasoning += delta.reasoning;
  for (ToolCallDelta& call : delta.toolCalls) {
    if (!into.toolCalls.empty() && into.toolCalls.back().index == call.index && call.id.empty()) {
      into.toolCalls.back().arguments += call.arguments;
    } else {
      into.toolCalls.push_back(std::move(call));
    }
  }
  std::move(delta.logprobs.begin(), delta.logprobs.end(), std::back_inserter(into.logprobs));
}

}  // namespace

void Outbox::push(Event event) {
  const std::lock_guard lock(mutex_);
  if (const auto* done = std::get_if<DoneEvent>(&event)) openDeltas_.erase(done->id);
  events_.push_back(std::move(event));
  wakeLocked();
}

void Outbox::pushDelta(DeltaEvent delta, bool first) {
  const std::lock_guard lock(mutex_);
  const auto open = openDeltas_.find(delta.id);
  if (open != openDeltas_.end()) {
    merge(std::get<DeltaEvent>(events_[open->second]), std::move(delta));
  } else {
    openDeltas_.emplace(delta.id, events_.size());
    events_.emplace_back(std::move(delta));
  }
  if (first) wakeLocked();
}

void Outbox::flushIfDue() {
  const std::lock_guard lock(mutex_);
  if (events_.empty() || woken_) return;
  if (milliseconds(Clock::now() - wokenAt_) >= coalesceMs_) wakeLocked();
}

void Outbox::flush() {
  const std::lock_guard lock(mutex_);
  if (!events_.empty()) wakeLocked();
}

std::vector<Event> Outbox::drain() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  openDeltas_.clear();
  return std::exchange(events_, {});
}

void Outbox::wakeLocked() {
  if (woken_) return;
  woken_ = true;
  wokenAt_ = Clock::now();
  wake_();
}

}  // namespace hearth
