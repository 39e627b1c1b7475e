#include "core/llama/context.h"

#include <algorithm>
#include <limits>
#include <string>

#include "core/failure.h"
#include "ggml-backend.h"
#include "llama-ext.h"

namespace hearth {
namespace {

/** llama.cpp asks it before each node of a graph on the CPU, on one thread, whether to give up. */
bool noteProgress(void* progress) {
  static_cast<std::atomic<uint64_t>*>(progress)->fetch_add(1, std::memory_order_relaxed);
  return false;
}

llama_context_ptr makeContext(llama_model& model, llama_context_params params) {
  llama_context_ptr context(llama_init_from_model(&model, params));
  if (context) return context;
  throw Failure("context_failed", "Cannot make a context of " + std::to_string(params.n_ctx) +
                                      " tokens for " + std::to_string(params.n_seq_max) +
                                      " sequences: llama.cpp refuses, see the log");
}

/** Memory of a device, not of the host for transfers to it. */
bool isOnDevice(ggml_backend_buffer_type_t type) {
  if (ggml_backend_buft_is_host(type)) return false;
  ggml_backend_dev_t device = ggml_backend_buft_get_device(type);
  return device != nullptr && ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_CPU;
}

/** Tokens of a whole context; llama.cpp counts cells in 32 bits with a sign. */
uint32_t cellsOf(int32_t contextTokens, int32_t sequences) {
  const int64_t cells = int64_t{contextTokens} * sequences;
  if (cells > 0 && cells <= std::numeric_limits<int32_t>::max()) return static_cast<uint32_t>(cells);
  throw Failure("invalid_argument", "Cannot make a context of " + std::to_string(contextTokens) +
                                        " tokens for " + std::to_string(sequences) +
                                        " sequences: expected less than 2^31 tokens in all");
}

}  // namespace

llama_context_ptr makeGenerationContext(llama_model& model, int32_t contextTokens, int32_t sequences,
                                        int32_t threads, std::atomic<uint64_t>& progress) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = cellsOf(contextTokens, sequences);
  params.n_seq_max = static_cast<uint32_t>(sequences);
  params.n_batch = static_cast<uint32_t>(std::max(kBatchTokens, sequences));
  params.n_ubatch = params.n_batch;
  // One row of logits per sequence is all that is ever read: with a large vocabulary this is most of the
  // compute buffer.
  params.n_outputs_max = params.n_seq_max;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  params.kv_unified = false;
  params.abort_callback = noteProgress;
  params.abort_callback_data = &progress;
  params.no_perf = true;
  return makeContext(model, params);
}

llama_context_ptr makeEmbeddingContext(llama_model& model, int32_t contextTokens, int32_t sequences,
                                       int32_t threads, std::atomic<uint64_t>& progress) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(std::max(contextTokens, kBatchTokens));
  params.n_seq_max = static_cast<uint32_t>(sequences);
  params.n_batch = kBatchTokens;
  params.n_ubatch = kBatchTokens;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  params.embeddings = true;
  params.pooling_type = LLAMA_POOLING_TYPE_NONE;
  params.kv_unified = true;
  params.abort_callback = noteProgress;
  params.abort_callback_data = &progress;
  params.no_perf = true;
  return makeContext(model, params);
}

ContextMemory memoryOf(const llama_context& context) {
  ContextMemory memory;
  memory.kvCells = llama_n_ctx(&context);
  for (const auto& [type, bytes] : llama_get_memory_breakdown(&context)) {
    memory.kvBytes += bytes.context;
    memory.computeBytes += bytes.compute;
    if (!isOnDevice(type)) continue;
    memory.onDevice.contextBytes += bytes.context + bytes.compute;
    memory.onDevice.weightBytes += bytes.model;
  }
  return memory;
}

}  // namespace hearth
