#include "core/engine.h"

namespace hearth {

/**
 * The size of a context is fixed when it is made: the combo gets a second one, which takes its new requests
 * and those that have no sequence yet. The one before goes when its last request has ended.
 */
ResizedCombo Engine::resizeNow(const ResizeOptions& options) {
  const auto startedAt = Clock::now();
  const std::string what = "Cannot resize \"" + options.combo + "\": ";
  if (closing_.load()) throw Failure("closed", what + "the engine was closed");
  const auto combo = findCombo(options.combo);
  if (!combo) throw Failure("combo_not_attached", what + "it is not attached");
  ContextLoop& before = *combo->context;
  if (!combo->attached.ownContext || before.sharers > 1)
    throw Failure("context_shared", what + "other combos use its context");
  if (before.sequences() != options.sequences) {
    ContextLoop& next = addSizedContext(*combo, options.sequences);
    try {
      prepareContext(combo, next, options.warmUp);
    } catch (...) {
      removeContext(next);
      throw;
    }
    replaceContext(*combo, next);
  }
  return {milliseconds(Clock::now() - startedAt), options.sequences, combo->attached.kvBytes,
          combo->attached.computeBytes};
}

ContextLoop& Engine::addSizedContext(const Combo& combo, int32_t sequences) {
  const Loaded& base = loaded();
  const auto& budget = base.options.kvBudgetBytes;
  if (budget && counters_.kvBytes.load() + kvBytesOf(sequences) > *budget) {
    throw Failure("out_of_memory",
                  "Cannot resize \"" + combo.key + "\": expected at most " + std::to_string(*budget) +
                      " bytes of KV memory, got " +
                      std::to_string(counters_.kvBytes.load() + kvBytesOf(sequences)));
  }
  return addContext(makeGenerationContext(*base.model, base.info.contextTokens, sequences,
                                          counters_.threads.load(), counters_.progress));
}

/** Between two decodes: a request is either still in the one before, with a sequence, or in the next one. */
void Engine::replaceContext(Combo& combo, ContextLoop& next) {
  ContextLoop& before = *combo.context;
  Decoder& decoder = *loaded().decoder;
  retirements_.begin(&before, combo.key);
  std::erase(contexts_, &before);
  before.sharers = 0;
  ++next.sharers;
  giveMemory(combo, next);
  decoder.between([&] {
    next.takeWaiting(before);
    combo.context = &next;
    decoder.retire(before, [this, &before] { control_->post([this, &before] { freeRetired(before); }); });
  });
}

/** It was idle, and stays so. After close() it has gone already. */
void Engine::freeRetired(ContextLoop& context) {
  if (!retirements_.has(&context)) return;
  removeContext(context);
  retirements_.end(&context);
}

void Engine::waitRetired(const std::string& key, Completion<Done> done) {
  if (closing_.load())
    done(Failure("closed", "Cannot wait for the contexts of \"" + key + "\": the engine was closed"));
  else retirements_.wait(key, std::move(done));
}

}  // namespace hearth
