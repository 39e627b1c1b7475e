#include <algorithm>

#include "core/engine.h"

namespace hearth {

namespace {

/**
 * Weights of a base in host memory whose first decode is not run ahead of the first request: one pass over more than
 * this takes longer than the answer's way to the gateway and the request's way back, which then would wait for it.
 */
constexpr uint64_t kMostWarmedUpBytes = 64ULL << 20U;

}  // namespace

/** Attaching: adapters first, then a place to decode. A partition of its time: `contextMs` is not part of
 * `attachMs`. */
AttachedCombo Engine::attachNow(const AttachOptions& options) {
  const auto startedAt = Clock::now();
  if (closing_.load())
    throw Failure("closed", "Cannot attach \"" + options.combo + "\": the engine was closed");
  loaded();
  if (const auto existing = findCombo(options.combo)) {
    if (existing->files != options.adapters) {
      throw Failure("invalid_argument",
                    "Cannot attach \"" + options.combo + "\": it is attached with other adapters");
    }
    AttachedCombo again = existing->attached;
    again.attachMs = milliseconds(Clock::now() - startedAt);
    again.contextMs = 0;
    return again;
  }
  const auto combo = std::make_shared<Combo>();
  combo->key = options.combo;
  combo->files = options.adapters;
  try {
    loadAdapters(*combo);
    placeCombo(combo, options.warmUp);
  } catch (...) {
    freeCombo(*combo);
    throw;
  }
  combo->attached.attachMs = milliseconds(Clock::now() - startedAt) - combo->attached.contextMs;
  const std::lock_guard lock(mutex_);
  combos_.emplace(combo->key, combo);
  return combo->attached;
}

void Engine::loadAdapters(Combo& combo) {
  std::vector<FileIdentity> identities;
  for (const AdapterFile& file : combo.files) identities.push_back(AdapterCache::readAhead(file.path));
  loaded().decoder->between([&] {
    for (size_t index = 0; index < combo.files.size(); ++index) {
      combo.adapters.push_back(
          adapters_.acquire(*loaded().model, combo.files[index].path, identities[index]));
    }
  });
}

/** A context of its own while the KV budget lasts, else a share of the one with the fewest combos. */
void Engine::placeCombo(const std::shared_ptr<Combo>& shared, bool warmUp) {
  Combo& combo = *shared;
  if (!mayAddContext()) return share(combo);
  const auto startedAt = Clock::now();
  ContextLoop* context = nullptr;
  try {
    context = &addContext(takeContext());
  } catch (const Failure&) {
    // The device is full, though the budget says otherwise: sharing still serves.
    if (contexts_.empty()) throw;
    return share(combo);
  }
  combo.context = context;
  ++context->sharers;
  combo.attached.ownContext = true;
  giveMemory(combo, *context);
  prepareContext(shared, *context, warmUp);
  combo.attached.contextMs = milliseconds(Clock::now() - startedAt);
}

bool Engine::mayAddContext() const {
  if (contexts_.empty() || !loaded_->options.kvBudgetBytes) return true;
  const uint64_t each = kvBytesOf(loaded_->options.sequences);
  return counters_.kvBytes.load() + each <= *loaded_->options.kvBudgetBytes;
}

/** What a context of so many sequences takes, by one that is there: every sequence has its own part. */
uint64_t Engine::kvBytesOf(int32_t sequences) const {
  const ContextLoop* one = contexts_.front();
  return contextMemory_.at(one).kvBytes / static_cast<uint64_t>(one->sequences()) *
         static_cast<uint64_t>(sequences);
}

bool Engine::usesDevice() const { return loaded_->options.deviceLayers != 0 && !loaded_->options.device.empty(); }

ContextLoop& Engine::addContext(llama_context_ptr made) {
  const Loaded& base = loaded();
  const ContextMemory memory = memoryOf(*made);
  ContextLoop* context = nullptr;
  base.decoder->between([&] { context = &base.decoder->addContext(std::move(made)); });
  contexts_.push_back(context);
  contextMemory_.emplace(context, memory);
  counters_.contexts.fetch_add(1);
  counters_.kvBytes.fetch_add(memory.kvBytes);
  counters_.kvCells.fetch_add(memory.kvCells);
  return *context;
}

void Engine::giveMemory(Combo& combo, const ContextLoop& context) const {
  const ContextMemory& memory = contextMemory_.at(&context);
  combo.attached.kvBytes = memory.kvBytes;
  combo.attached.computeBytes = memory.computeBytes;
  if (usesDevice()) combo.attached.onDevice = memory.onDevice;
}

/**
 * On a device the first decode of a model may fail for lack of memory or of kernels, which is a failed attach.
 * After that, and in host memory, it fails only where the first request would, so the answer does not wait for
 * it: it runs while the answer travels and the request comes.
 */
void Engine::prepareContext(const std::shared_ptr<Combo>& combo, ContextLoop& context, bool warmUp) {
  Loaded& base = loaded();
  Decoder& decoder = *base.decoder;
  const bool waits = warmUp && usesDevice() && !base.decodedOnDevice;
  decoder.between([&] {
    context.prepare(*combo);
    if (waits) context.warmUp();
  });
  if (waits) base.decodedOnDevice = true;
  if (!warmUp || waits) return;
  if (!usesDevice() && base.info.weightBytes > kMostWarmedUpBytes) return;
  // The combo is held, and its context outlives what was asked of the decoder before it goes.
  decoder.soon([combo, &context] {
    try {
      context.warmUp();
    } catch (const Failure&) {
      // The first request says it.
    }
  });
}

void Engine::share(Combo& combo) {
  combo.context =
      *std::ranges::min_element(contexts_, {}, [](const ContextLoop* context) { return context->sharers; });
  ++combo.context->sharers;
}

/** Lets go of what an attached or half attached combo holds; its context too, when nobody shares it. */
void Engine::freeCombo(Combo& combo) {
  ContextLoop* context = combo.context;
  const bool last = context != nullptr && --context->sharers == 0;
  loaded().decoder->between([&] {
    loaded().decoder->forget(combo);
    combo.adapters.clear();
    if (last) loaded().decoder->removeContext(*context);
  });
  if (!last) return;
  std::erase(contexts_, context);
  forgetContext(context);
}

/** One that no combo has. */
void Engine::removeContext(ContextLoop& context) {
  loaded().decoder->between([&] { loaded().decoder->removeContext(context); });
  std::erase(contexts_, &context);
  forgetContext(&context);
}

/** It has gone, and what it held with it. */
void Engine::forgetContext(const ContextLoop* context) {
  counters_.kvBytes.fetch_sub(contextMemory_.at(context).kvBytes);
  counters_.kvCells.fetch_sub(contextMemory_.at(context).kvCells);
  counters_.contexts.fetch_sub(1);
  contextMemory_.erase(context);
}

}  // namespace hearth
