#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/decode/context_loop.h"
#include "core/embedder.h"

namespace hearth {

/**
 * The decode thread of one model. All contexts and adapters are touched by it alone. It goes round the
 * contexts that have work, one decode call each, and takes what others ask of it between two calls.
 */
class Decoder {
 public:
  /** `onIdle` is called on the decode thread each time that it has nothing left to decode. */
  Decoder(llama_model& model, const Vocabulary& vocabulary, int32_t contextTokens, int32_t threads,
          Outbox& outbox, SharedCounters& counters, std::function<void()> onIdle);
  /** Ends all requests as cancelled, frees the contexts and joins. */
  ~Decoder();

  void submit(Prepared prepared);
  void embed(EmbedJob job);
  /** Some request's cancel flag was set. */
  void noticeCancel();
  /** With the next decode. */
  void setThreads(int32_t threads);
  /** Runs `work` on the decode thread between two decodes and waits for it; rethrows what it throws. Not from
   * that thread. */
  void between(const std::function<void()>& work);
  /** The same without waiting, before whatever is asked of the decoder afterwards. `work` must not throw. */
  void soon(std::function<void()> work) { post(std::move(work)); }

  /** Only from within between(). */
  ContextLoop& addContext(llama_context_ptr context);
  void removeContext(const ContextLoop& context);
  /** The context gets no new requests. `idle` is called when it has none left, on the decode thread; not when
   * the decoder goes before. */
  void retire(ContextLoop& context, std::function<void()> idle);
  void forget(const Combo& combo);

 private:
  void run();
  void takeMail(std::unique_lock<std::mutex>& lock);
  bool stepAll();
  void tellRetired();
  void post(std::function<void()> work);

  const Vocabulary& vocabulary_;
  Outbox& outbox_;
  SharedCounters& counters_;
  const std::function<void()> onIdle_;
  struct Retiring {
    ContextLoop* context;
    std::function<void()> idle;
  };

  std::vector<std::unique_ptr<ContextLoop>> contexts_;
  /** Of `contexts_` those that have requests to finish. */
  std::vector<Retiring> retiring_;
  Embedder embedder_;
  int32_t appliedThreads_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> mail_;
  bool stopping_ = false;
  std::atomic<bool> anyMail_{false};
  std::atomic<bool> cancels_{false};
  std::atomic<int32_t> threads_;
  std::thread thread_;
};

}  // namespace hearth
