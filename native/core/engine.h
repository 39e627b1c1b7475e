#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/decode/decoder.h"
#include "core/failure.h"
#include "core/llama/adapters.h"
#include "core/outbox.h"
#include "core/outcomes.h"
#include "core/prompt/prepare.h"
#include "core/retirements.h"
#include "core/worker.h"

namespace hearth {

/**
 * One base model, its combos and their requests. Four threads: control (load, attach, detach, close, in
 * order), preparation (templates and tokens), disposal (what a load leaves) and decode. All public calls come from one thread and return at
 * once; completions come from others.
 */
class Engine {
 public:
  /** `wake` is called from any thread when drainEvents() has something. */
  Engine(double coalesceMs, std::function<void()> wake);
  /** Closes first, when that has not been done. */
  ~Engine();

  void load(LoadOptions options, std::function<void(float)> onProgress, Completion<LoadedModel> done);
  /** Makes ahead what a load's upload needs, some pinned memory. */
  void prepareUpload();
  /**
   * Lets that go, and the mapping that the load has read by. Unmapping 8 GB of 4 KiB pages takes 0.2 s, in which making a
   * context, which maps memory, gets on badly: so not before the first request had its chance.
   */
  void releaseUpload();
  void attach(AttachOptions options, Completion<AttachedCombo> done);
  void detach(std::string combo, Completion<Done> done);
  /** Gives an attached combo a context of another size. */
  void resize(ResizeOptions options, Completion<ResizedCombo> done);
  /** Ends when the contexts that resize() has replaced have gone. */
  void retired(std::string combo, Completion<Done> done);
  RequestId submit(GenerateOptions options);
  void cancel(RequestId id);
  void embed(std::string combo, std::vector<EmbedInput> inputs, Completion<EmbedResult> done);
  void setThreads(int32_t threads);
  Counters counters() const;
  void close(Completion<Done> done);
  bool closing() const { return closing_.load(); }
  std::vector<Event> drainEvents();

 private:
  /** What exists from load to close. The order is that of construction; it is freed from the end. */
  struct Loaded {
    LoadOptions options;
    LoadedModel info;
    llama_model_ptr model;
    std::unique_ptr<ChatTemplates> templates;
    std::unique_ptr<Vocabulary> vocabulary;
    std::unique_ptr<Decoder> decoder;
    /** For the combo that is attached next, so that it waits for none to be made. Of the control thread. */
    llama_context_ptr spare;
    /** A context of the model has decoded on its device: the kernels are there. Of the control thread. */
    bool decodedOnDevice = false;
  };

  LoadedModel loadNow(const LoadOptions& options, const std::function<void(float)>& onProgress);
  AttachedCombo attachNow(const AttachOptions& options);
  Done detachNow(const std::string& key);
  Done closeNow();
  Loaded& loaded();
  void loadAdapters(Combo& combo);
  void placeCombo(const std::shared_ptr<Combo>& combo, bool warmUp);
  bool mayAddContext() const;
  bool usesDevice() const;
  uint64_t kvBytesOf(int32_t sequences) const;
  ContextLoop& addContext(llama_context_ptr made);
  void giveMemory(Combo& combo, const ContextLoop& context) const;
  void prepareContext(const std::shared_ptr<Combo>& combo, ContextLoop& context, bool warmUp);
  void removeContext(ContextLoop& context);
  void forgetContext(const ContextLoop* context);
  ResizedCombo resizeNow(const ResizeOptions& options);
  ContextLoop& addSizedContext(const Combo& combo, int32_t sequences);
  void replaceContext(Combo& combo, ContextLoop& next);
  void freeRetired(ContextLoop& context);
  void waitRetired(const std::string& key, Completion<Done> done);
  llama_context_ptr takeContext();
  void onDecoderIdle();
  void makeSpare();
  void share(Combo& combo);
  void freeCombo(Combo& combo);
  std::shared_ptr<Combo> findCombo(const std::string& key) const;
  void prepareRequest(std::shared_ptr<Request> request);
  void reject(Request& request, RejectedEvent event);

  Outbox outbox_;
  SharedCounters counters_;
  std::atomic<bool> closing_{false};
  /** A context was taken into use and there is no spare one. */
  std::atomic<bool> spareWanted_{false};
  RequestId lastId_ = 0;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Combo>> combos_;
  std::unordered_map<RequestId, std::weak_ptr<Request>> requests_;
  /** Set once by load, so that the other threads may read it without the lock after they have seen it. */
  std::shared_ptr<Loaded> loaded_;

  /** Of the control thread. */
  AdapterCache adapters_;
  Retirements retirements_;
  /** Those that combos are given. */
  std::vector<ContextLoop*> contexts_;
  /** Of those that retire, too. */
  std::unordered_map<const ContextLoop*, ContextMemory> contextMemory_;

  std::unique_ptr<Worker> preparation_;
  std::unique_ptr<Worker> disposal_;
  std::unique_ptr<Worker> control_;
};

}  // namespace hearth
