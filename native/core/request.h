#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/llama/adapters.h"
#include "core/requests.h"

namespace hearth {

class ContextLoop;

/** A base with a set of adapters, attached. Held by the engine's table and by every request for it. */
struct Combo {
  std::string key;
  std::vector<AdapterFile> files;
  std::vector<std::shared_ptr<Adapter>> adapters;
  /** Where its sequences live. Set before the combo is announced, used by the decode thread alone. */
  ContextLoop* context = nullptr;
  AttachedCombo attached;
  /** Of the decode thread: which turn of its context was the combo's last. */
  uint64_t lastTurn = 0;
  /** Requests and embeddings that are not done yet. */
  std::atomic<int> requests{0};
};

/** One submitted request, shared by the thread that cancels and those that work on it. */
struct Request {
  Request(RequestId requestId, GenerateOptions requestOptions, std::shared_ptr<Combo> requestCombo)
      : id(requestId), options(std::move(requestOptions)), combo(std::move(requestCombo)) {
    combo->requests.fetch_add(1);
  }
  ~Request() { release(); }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  /** The combo is no longer held by it. Before its last event goes out, so that who has seen that event can
   * detach. */
  void release() {
    if (!released_.exchange(true)) combo->requests.fetch_sub(1);
  }

  const RequestId id;
  const GenerateOptions options;
  const std::shared_ptr<Combo> combo;
  const Clock::time_point submittedAt = Clock::now();
  std::atomic<bool> cancelled{false};

 private:
  std::atomic<bool> released_{false};
};

}  // namespace hearth
