#include "core/engine.h"

namespace hearth {

/** The spare context, or a new one. */
llama_context_ptr Engine::takeContext() {
  Loaded& base = loaded();
  spareWanted_.store(true);
  if (base.spare) return std::move(base.spare);
  return makeGenerationContext(*base.model, base.info.contextTokens, base.options.sequences,
                               counters_.threads.load(), counters_.progress);
}

/** Nobody waits for a token now, so that the time it takes to make a context is nobody's. */
void Engine::onDecoderIdle() {
  if (spareWanted_.exchange(false)) control_->post([this] { makeSpare(); });
}

/**
 * Makes the context that the next attach will take. Only in host memory, where one that is not used has no
 * page of its KV cache and takes a few megabytes; on a device it would hold all that it may need, which
 * nobody has accounted for.
 */
void Engine::makeSpare() {
  if (closing_.load() || !loaded_ || loaded_->spare) return;
  if (usesDevice() || !mayAddContext()) return;
  const Loaded& base = *loaded_;
  try {
    loaded_->spare = makeGenerationContext(*base.model, base.info.contextTokens, base.options.sequences,
                                           counters_.threads.load(), counters_.progress);
  } catch (const Failure&) {
    // The attach that needs one makes it, or says why not.
  }
}

}  // namespace hearth
