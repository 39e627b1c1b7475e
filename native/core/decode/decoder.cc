#include "core/decode/decoder.h"

#include <future>

#include "core/loop_cores.h"

namespace hearth {

Decoder::Decoder(llama_model& model, const Vocabulary& vocabulary, int32_t contextTokens, int32_t threads,
                 Outbox& outbox, SharedCounters& counters, std::function<void()> onIdle)
    : vocabulary_(vocabulary),
      outbox_(outbox),
      counters_(counters),
      onIdle_(std::move(onIdle)),
      embedder_(model, contextTokens, counters.progress),
      appliedThreads_(threads),
      threads_(threads),
      thread_([this] { run(); }) {}

Decoder::~Decoder() {
  post([this] { stopping_ = true; });
  thread_.join();
}

void Decoder::submit(Prepared prepared) {
  // std::function wants a copyable callable, and a sampler is not.
  auto shared = std::make_shared<Prepared>(std::move(prepared));
  post([shared] { shared->request->combo->context->add(std::move(*shared)); });
}

void Decoder::embed(EmbedJob job) {
  post([this, job = std::move(job)] { embedder_.add(job); });
}

void Decoder::noticeCancel() {
  cancels_.store(true);
  post([] {});
}

void Decoder::setThreads(int32_t threads) {
  threads_.store(threads);
  counters_.threads.store(threads);
}

void Decoder::between(const std::function<void()>& work) {
  std::packaged_task<void()> task(work);
  std::future<void> done = task.get_future();
  post([&task] { task(); });
  done.get();
}

ContextLoop& Decoder::addContext(llama_context_ptr context) {
  contexts_.push_back(std::make_unique<ContextLoop>(std::move(context), vocabulary_, outbox_, counters_));
  contexts_.back()->setThreads(appliedThreads_);
  return *contexts_.back();
}

void Decoder::removeContext(const ContextLoop& context) {
  std::erase_if(contexts_, [&](const auto& candidate) { return candidate.get() == &context; });
}

void Decoder::retire(ContextLoop& context, std::function<void()> idle) {
  retiring_.push_back({&context, std::move(idle)});
}

void Decoder::tellRetired() {
  std::erase_if(retiring_, [](const Retiring& one) {
    if (one.context->hasWork()) return false;
    one.idle();
    return true;
  });
}

void Decoder::forget(const Combo& combo) {
  for (const auto& context : contexts_) context->forget(combo);
  embedder_.forget(combo);
}

void Decoder::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    mail_.push_back(std::move(work));
    anyMail_.store(true);
  }
  changed_.notify_one();
}

void Decoder::run() {
  bool worked = false;
  while (!stopping_) {
    if (!worked || anyMail_.load()) {
      std::unique_lock lock(mutex_);
      if (!worked) changed_.wait(lock, [this] { return !mail_.empty(); });
      takeMail(lock);
    }
    if (!worked) stepAside();
    if (cancels_.exchange(false)) {
      for (const auto& context : contexts_) context->dropCancelled();
    }
    if (const int32_t wanted = threads_.load(); wanted != appliedThreads_) {
      for (const auto& context : contexts_) context->setThreads(wanted);
      embedder_.setThreads(wanted);
      appliedThreads_ = wanted;
    }
    const bool workedBefore = std::exchange(worked, stepAll());
    if (!retiring_.empty()) tellRetired();
    counters_.progress.fetch_add(1, std::memory_order_relaxed);
    outbox_.flushIfDue();
    if (worked) continue;
    // An idle loop has nothing more to add: whatever waits goes out.
    outbox_.flush();
    if (workedBefore) onIdle_();
  }
  for (const auto& context : contexts_) context->endAll(FinishReason::cancelled, "");
  embedder_.endAll(Failure("closed", "Cannot embed: the engine was closed"));
  contexts_.clear();
}

void Decoder::takeMail(std::unique_lock<std::mutex>& lock) {
  const std::vector<std::function<void()>> mail = std::exchange(mail_, {});
  anyMail_.store(false);
  lock.unlock();
  for (const auto& work : mail) work();
}

bool Decoder::stepAll() {
  if (stopping_) return false;
  size_t decoding = 0;
  for (const auto& context : contexts_) decoding += context->decoding() ? 1 : 0;
  bool worked = false;
  for (const auto& context : contexts_) {
    if (!context->hasWork()) continue;
    worked = true;
    context->step(decoding > (context->decoding() ? 1u : 0u));
  }
  if (embedder_.hasWork()) {
    worked = true;
    embedder_.step(appliedThreads_);
  }
  return worked;
}

}  // namespace hearth
