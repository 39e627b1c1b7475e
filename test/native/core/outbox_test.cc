#include "core/outbox.h"

#include <atomic>
#include <thread>

#include "check.h"
#include "core/worker.h"

using namespace hearth;

namespace {

DeltaEvent delta(RequestId id, std::string text) { return {id, std::move(text), "", {}, {}}; }

}  // namespace

TEST("Outbox merges the waiting deltas of a request into one") {
  int wakes = 0;
  Outbox outbox(1000, [&] { ++wakes; });
  outbox.pushQuietly(AcceptedEvent{1, 5, 5});
  outbox.pushDelta(delta(1, "a"), true);
  outbox.pushDelta(delta(2, "x"), true);
  outbox.pushDelta(delta(1, "b"), false);
  outbox.push(DoneEvent{1, FinishReason::stop, "", 0, 0, 0, 0, 0, 0});
  const auto events = outbox.drain();
  CHECK(wakes == 1);
  CHECK(events.size() == 4);
  CHECK(std::get<DeltaEvent>(events[1]).text == "ab");
  CHECK(std::get<DeltaEvent>(events[2]).text == "x");
  CHECK(outbox.drain().empty());
}

TEST("Outbox merges the parts of one tool call and keeps calls apart") {
  Outbox outbox(1000, [] {});
  outbox.pushDelta({1, "", "", {{0, "id0", "f", "{"}}, {}}, true);
  outbox.pushDelta({1, "", "", {{0, "", "", "}"}, {1, "id1", "g", ""}}, {}}, false);
  const auto events = outbox.drain();
  const auto& calls = std::get<DeltaEvent>(events.at(0)).toolCalls;
  CHECK(calls.size() == 2 && calls[0].arguments == "{}" && calls[1].id == "id1");
}

TEST("Outbox wakes for a later delta only when it is due") {
  int wakes = 0;
  Outbox outbox(1e9, [&] { ++wakes; });
  outbox.pushDelta(delta(1, "a"), true);
  outbox.drain();
  outbox.pushDelta(delta(1, "b"), false);
  outbox.flushIfDue();
  CHECK(wakes == 1);
  outbox.flush();
  CHECK(wakes == 2);
}

TEST("Outbox wakes nobody for what comes quietly, and gives it first with what comes next") {
  int wakes = 0;
  Outbox outbox(0, [&] { ++wakes; });
  outbox.pushQuietly(AcceptedEvent{1, 5, 5});
  outbox.flush();
  outbox.flushIfDue();
  CHECK(wakes == 0);
  outbox.pushDelta(delta(1, "a"), true);
  CHECK(wakes == 1);
  const auto events = outbox.drain();
  CHECK(events.size() == 2 && std::holds_alternative<AcceptedEvent>(events[0]));
  outbox.pushQuietly(AcceptedEvent{2, 5, 5});
  outbox.flush();
  CHECK(wakes == 1);
}

TEST("Outbox may be drained by whom it wakes, while it wakes") {
  std::vector<Event> events;
  Outbox* reader = nullptr;
  Outbox outbox(0, [&] { events = reader->drain(); });
  reader = &outbox;
  outbox.push(RejectedEvent{1, "code", "message", {}, {}});
  outbox.pushDelta(delta(2, "a"), true);
  outbox.pushDelta(delta(2, "b"), false);
  outbox.flush();
  CHECK(events.size() == 1 && std::get<DeltaEvent>(events[0]).text == "b");
}

TEST("Outbox gives a reader on another thread every text in order") {
  std::atomic<int> wakes{0};
  Outbox outbox(0, [&] { wakes.fetch_add(1); });
  Worker writer;
  writer.post([&] {
    for (int count = 0; count < 20000; ++count) {
      outbox.pushDelta(delta(1, "."), count == 0);
      outbox.flushIfDue();
    }
    outbox.push(DoneEvent{1, FinishReason::stop, "", 0, 0, 0, 0, 0, 0});
  });
  size_t length = 0;
  bool done = false;
  while (!done) {
    for (const Event& event : outbox.drain()) {
      if (const auto* each = std::get_if<DeltaEvent>(&event)) length += each->text.size();
      done = done || std::holds_alternative<DoneEvent>(event);
    }
    std::this_thread::yield();
  }
  CHECK(length == 20000);
}

TEST("Worker runs everything that was posted, in order, before it ends") {
  std::vector<int> ran;
  {
    Worker worker;
    for (int index = 0; index < 100; ++index) worker.post([&ran, index] { ran.push_back(index); });
    worker.drain();
    CHECK(ran.size() == 100);
    worker.post([&ran] { ran.push_back(100); });
  }
  CHECK(ran.size() == 101 && ran.back() == 100);
}
