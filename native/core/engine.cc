#include "core/engine.h"

#include "core/llama/library_log.h"
#include "core/llama/model.h"
#include "core/llama/upload.h"
#include "core/prompt/embed_inputs.h"
#include "core/prompt/rejection.h"

namespace hearth {

Engine::Engine(double coalesceMs, std::function<void()> wake)
    : outbox_(coalesceMs, std::move(wake)),
      preparation_(std::make_unique<Worker>()),
      disposal_(std::make_unique<Worker>()),
      control_(std::make_unique<Worker>()) {}

Engine::~Engine() {
  if (!closing_.load()) close([](const Outcome<Done>&) {});
  // Until the decode thread has gone it may post here.
  control_->drain();
  control_.reset();
  disposal_.reset();
  preparation_.reset();
}

void Engine::load(LoadOptions options, std::function<void(float)> onProgress, Completion<LoadedModel> done) {
  control_->post(
      [this, options = std::move(options), onProgress = std::move(onProgress), done = std::move(done)] {
        done(outcomeOf("model_load_failed", [&] { return loadNow(options, onProgress); }));
        // An attach follows; this goes on while the answer and the next order travel.
        makeSpare();
      });
}

void Engine::prepareUpload() {
  control_->post([] { hearth::prepareUpload(); });
}

void Engine::releaseUpload() {
  disposal_->post([] { hearth::releaseUpload(); });
}

void Engine::attach(AttachOptions options, Completion<AttachedCombo> done) {
  control_->post([this, options = std::move(options), done = std::move(done)] {
    done(outcomeOf("context_failed", [&] { return attachNow(options); }));
  });
}

void Engine::detach(std::string combo, Completion<Done> done) {
  control_->post([this, combo = std::move(combo), done = std::move(done)] {
    done(outcomeOf("context_failed", [&] { return detachNow(combo); }));
  });
}

void Engine::resize(ResizeOptions options, Completion<ResizedCombo> done) {
  control_->post([this, options = std::move(options), done = std::move(done)] {
    done(outcomeOf("context_failed", [&] { return resizeNow(options); }));
  });
}

void Engine::retired(std::string combo, Completion<Done> done) {
  control_->post([this, combo = std::move(combo), done = std::move(done)] { waitRetired(combo, done); });
}

void Engine::close(Completion<Done> done) {
  closing_.store(true);
  control_->post([this, done = std::move(done)] { done(outcomeOf("closed", [&] { return closeNow(); })); });
}

LoadedModel Engine::loadNow(const LoadOptions& options, const std::function<void(float)>& onProgress) {
  if (loaded_)
    throw Failure("invalid_argument",
                  "Cannot load \"" + options.path + "\": the engine holds a model already");
  const auto startedAt = Clock::now();
  auto next = std::make_shared<Loaded>();
  next->options = options;
  UploadReport upload;
  next->model = loadModel(options, closing_, onProgress, upload);
  next->info = describeModel(*next->model, options);
  next->info.upload = std::move(upload);
  next->templates = std::make_unique<ChatTemplates>(*next->model, options.chatTemplate);
  next->vocabulary =
      std::make_unique<Vocabulary>(llama_model_get_vocab(next->model.get()), next->templates->source());
  next->info.hasChatTemplate = next->templates->isExplicit();
  next->info.supportsTools = next->templates->supportsTools();
  counters_.threads.store(options.threads);
  next->decoder = std::make_unique<Decoder>(*next->model, *next->vocabulary, next->info.contextTokens,
                                            options.threads, outbox_, counters_, [this] { onDecoderIdle(); });
  {
    const std::lock_guard lock(mutex_);
    loaded_ = next;
  }
  // Beside the making of the first context, so that no request waits for it.
  preparation_->post([next] { next->templates->prepare(); });
  next->info.loadMs = milliseconds(Clock::now() - startedAt);
  return next->info;
}

Done Engine::detachNow(const std::string& key) {
  std::shared_ptr<Combo> combo;
  {
    const std::lock_guard lock(mutex_);
    const auto found = combos_.find(key);
    if (found == combos_.end())
      throw Failure("combo_not_attached", "Cannot detach \"" + key + "\": it is not attached");
    if (const int held = found->second->requests.load(); held > 0) {
      throw Failure("combo_busy",
                    "Cannot detach \"" + key + "\": it has " + std::to_string(held) + " requests");
    }
    combo = found->second;
    combos_.erase(found);
  }
  freeCombo(*combo);
  return {};
}

/** Everybody gets a last event, then all goes, on the threads that it belongs to. */
Done Engine::closeNow() {
  preparation_->drain();
  std::shared_ptr<Loaded> last;
  std::unordered_map<std::string, std::shared_ptr<Combo>> combos;
  {
    const std::lock_guard lock(mutex_);
    last = std::move(loaded_);
    combos = std::move(combos_);
    combos_.clear();
  }
  if (!last) return {};
  last->spare.reset();
  // The decoder's end is the end of all sequences; adapters may be freed once nothing decodes.
  last->decoder.reset();
  for (const auto& [key, combo] : combos) combo->adapters.clear();
  retirements_.fail(Failure("closed", "Cannot wait for contexts to go: the engine was closed"));
  contexts_.clear();
  contextMemory_.clear();
  counters_.contexts.store(0);
  counters_.kvBytes.store(0);
  counters_.kvCells.store(0);
  outbox_.flush();
  return {};
}

RequestId Engine::submit(GenerateOptions options) {
  const RequestId id = ++lastId_;
  counters_.requests.fetch_add(1);
  std::shared_ptr<Request> request;
  {
    const std::lock_guard lock(mutex_);
    const auto found = combos_.find(options.combo);
    if (found != combos_.end()) {
      request = std::make_shared<Request>(id, std::move(options), found->second);
      requests_.emplace(id, request);
    }
  }
  if (!request) {
    outbox_.push(
        RejectedEvent{id, "combo_not_attached", "Cannot run a request: its combo is not attached", {}, {}});
    return id;
  }
  counters_.waitingRequests.fetch_add(1);
  preparation_->post([this, request] { prepareRequest(request); });
  return id;
}

/** Runs on the preparation thread. Ends in `accepted`, `rejected` or, when nobody wants it any more, `done`.
 */
void Engine::prepareRequest(std::shared_ptr<Request> request) {
  const auto cancelled = [&](int32_t promptTokens) {
    if (!request->cancelled.load() && !closing_.load()) return false;
    counters_.waitingRequests.fetch_sub(1);
    counters_.cancelledRequests.fetch_add(1);
    request->release();
    outbox_.push(doneWithoutSequence(*request, FinishReason::cancelled, "", promptTokens));
    return true;
  };
  if (cancelled(0)) return;
  std::shared_ptr<Loaded> base;
  {
    const std::lock_guard lock(mutex_);
    base = loaded_;
  }
  try {
    const LibrarySilence silence;
    Prepared prepared =
        prepare(request, {*base->model, *base->vocabulary, *base->templates, base->info.contextTokens});
    const auto promptTokens = static_cast<int32_t>(prepared.tokens.size());
    if (cancelled(promptTokens)) return;
    outbox_.pushQuietly(AcceptedEvent{request->id, promptTokens, prepared.maxTokens});
    base->decoder->submit(std::move(prepared));
  } catch (const Rejection& rejection) {
    reject(*request,
           {request->id, rejection.code, rejection.what(), rejection.promptTokens, rejection.contextTokens});
  } catch (const std::exception&) {
    reject(*request,
           {request->id, "engine_failed", "Cannot prepare a request: llama.cpp fails on it", {}, {}});
  }
}

void Engine::reject(Request& request, RejectedEvent event) {
  counters_.waitingRequests.fetch_sub(1);
  request.release();
  outbox_.push(std::move(event));
}

void Engine::cancel(RequestId id) {
  const std::lock_guard lock(mutex_);
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  const std::shared_ptr<Request> request = found->second.lock();
  if (!request || request->cancelled.exchange(true)) return;
  if (loaded_) loaded_->decoder->noticeCancel();
}

void Engine::embed(std::string key, std::vector<EmbedInput> inputs, Completion<EmbedResult> done) {
  std::shared_ptr<Combo> combo = findCombo(key);
  if (!combo) {
    done(Failure("combo_not_attached", "Cannot embed with \"" + key + "\": it is not attached"));
    return;
  }
  combo->requests.fetch_add(1);
  counters_.embeddings.fetch_add(1);
  const Completion<EmbedResult> ended = [this, done = std::move(done)](const Outcome<EmbedResult>& outcome) {
    counters_.embeddings.fetch_sub(1);
    done(outcome);
  };
  preparation_->post([this, combo, inputs = std::move(inputs), done = ended] {
    std::shared_ptr<Loaded> base;
    {
      const std::lock_guard lock(mutex_);
      base = loaded_;
    }
    const auto fail = [&](const Failure& failure) {
      combo->requests.fetch_sub(1);
      done(failure);
    };
    if (closing_.load()) return fail(Failure("closed", "Cannot embed: the engine was closed"));
    auto tokens = outcomeOf("invalid_argument", [&] {
      return tokeniseInputs(inputs, *base->vocabulary, base->info.contextTokens);
    });
    if (const auto* failure = std::get_if<Failure>(&tokens)) return fail(*failure);
    base->decoder->embed({combo, std::move(std::get<0>(tokens)), done});
  });
}

void Engine::setThreads(int32_t threads) {
  const std::lock_guard lock(mutex_);
  if (loaded_) loaded_->decoder->setThreads(threads);
}

Counters Engine::counters() const {
  Counters now;
  now.requests = counters_.requests.load();
  now.cancelledRequests = counters_.cancelledRequests.load();
  now.promptTokens = counters_.promptTokens.load();
  now.decodedTokens = counters_.decodedTokens.load();
  now.maxTokensAfterCancel = counters_.maxTokensAfterCancel.load();
  now.decodeCalls = counters_.decodeCalls.load();
  now.batchTokens = counters_.batchTokens.load();
  now.possibleBatchTokens = counters_.possibleBatchTokens.load();
  now.batchSequences = counters_.batchSequences.load();
  now.possibleBatchSequences = counters_.possibleBatchSequences.load();
  now.kvCellSteps = counters_.kvCellSteps.load();
  now.possibleKvCellSteps = counters_.possibleKvCellSteps.load();
  now.adapterSwitches = counters_.adapterSwitches.load();
  now.activeSequences = counters_.activeSequences.load();
  now.waitingRequests = counters_.waitingRequests.load();
  now.embeddings = counters_.embeddings.load();
  now.progress = counters_.progress.load();
  now.contexts = counters_.contexts.load();
  now.kvBytes = counters_.kvBytes.load();
  now.kvCells = counters_.kvCells.load();
  now.usedKvCells = counters_.usedKvCells.load();
  now.threads = counters_.threads.load();
  return now;
}

std::vector<Event> Engine::drainEvents() {
  std::vector<Event> events = outbox_.drain();
  const std::lock_guard lock(mutex_);
  for (const Event& event : events) {
    if (const auto* done = std::get_if<DoneEvent>(&event)) requests_.erase(done->id);
    if (const auto* rejected = std::get_if<RejectedEvent>(&event)) requests_.erase(rejected->id);
  }
  return events;
}

Engine::Loaded& Engine::loaded() {
  if (!loaded_) throw Failure("invalid_argument", "Cannot go on: no model is loaded");
  return *loaded_;
}

std::shared_ptr<Combo> Engine::findCombo(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = combos_.find(key);
  return found == combos_.end() ? nullptr : found->second;
}

}  // namespace hearth
