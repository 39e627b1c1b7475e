#pragma once

#include <atomic>
#include <cstdint>

#include "core/requests.h"
#include "llama-cpp.h"

namespace hearth {

/** Most tokens of one decode call, prompt chunks included. */
inline constexpr int32_t kBatchTokens = 512;

struct ContextMemory {
  uint64_t kvBytes = 0;
  /** Tokens that it has a place for, over all sequences. */
  uint64_t kvCells = 0;
  uint64_t computeBytes = 0;
  DeviceBytes onDevice;
};

/** A context for generation: `sequences` of `contextTokens` each. `progress` grows while it decodes on the
 * CPU, and outlives it. Throws Failure `context_failed` or `out_of_memory`. */
llama_context_ptr makeGenerationContext(llama_model& model, int32_t contextTokens, int32_t sequences,
                                        int32_t threads, std::atomic<uint64_t>& progress);

/** A context whose decodes give the last hidden state of every token. Throws as above. */
llama_context_ptr makeEmbeddingContext(llama_model& model, int32_t contextTokens, int32_t sequences,
                                       int32_t threads, std::atomic<uint64_t>& progress);

/** What the context holds in host and device memory together, and what of it, and of its model, is the latter. */
ContextMemory memoryOf(const llama_context& context);

}  // namespace hearth
