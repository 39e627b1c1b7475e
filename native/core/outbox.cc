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
  {
    const std::lock_guard lock(mutex_);
    if (const auto* done = std::get_if<DoneEvent>(&event)) openDeltas_.erase(done->id);
    events_.push_back(std::move(event));
    wanted_ = true;
    if (!takeWake()) return;
  }
  wake_();
}

void Outbox::pushQuietly(Event event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
}

void Outbox::pushDelta(DeltaEvent delta, bool first) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
    const auto open = openDeltas_.find(delta.id);
    if (open != openDeltas_.end()) {
      merge(std::get<DeltaEvent>(events_[open->second]), std::move(delta));
    } else {
      openDeltas_.emplace(delta.id, events_.size());
      events_.emplace_back(std::move(delta));
    }
    if (!first || !takeWake()) return;
  }
  wake_();
}

void Outbox::flushIfDue() {
  {
    const std::lock_guard lock(mutex_);
    if (!wanted_ || milliseconds(Clock::now() - wokenAt_) < coalesceMs_ || !takeWake()) return;
  }
  wake_();
}

void Outbox::flush() {
  {
    const std::lock_guard lock(mutex_);
    if (!wanted_ || !takeWake()) return;
  }
  wake_();
}

std::vector<Event> Outbox::drain() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  wanted_ = false;
  openDeltas_.clear();
  return std::exchange(events_, {});
}

// A reader that runs on the same core goes ahead of whoever wakes it: it must not find the lock taken.
bool Outbox::takeWake() {
  if (woken_) return false;
  woken_ = true;
  wokenAt_ = Clock::now();
  return true;
}

}  // namespace hearth
