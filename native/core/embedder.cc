#include "core/embedder.h"

#include <algorithm>
#include <cmath>

#include "core/llama/context.h"

namespace hearth {
namespace {

constexpr int32_t kPackedInputs = 16;

}  // namespace

Embedder::~Embedder() {
  if (context_) llama_batch_free(batch_);
}

void Embedder::add(EmbedJob job) {
  Progress progress;
  progress.sums.resize(job.inputs.size());
  progress.job = std::move(job);
  jobs_.push_back(std::move(progress));
}

void Embedder::step(int32_t threads) {
  Progress& progress = jobs_.front();
  if (progress.firstInput >= progress.job.inputs.size()) {
    complete(std::move(progress.result));
    return;
  }
  try {
    prepareContext(*progress.job.combo, threads);
    if (progress.packEnd == progress.firstInput) startPack(progress);
    if (decodePack(progress)) finishPack(progress);
  } catch (const Failure& failure) {
    complete(failure);
  } catch (const std::exception& error) {
    complete(Failure("context_failed", error.what()));
  }
}

void Embedder::prepareContext(const Combo& combo, int32_t threads) {
  if (!context_) {
    context_ = makeEmbeddingContext(model_, contextTokens_, kPackedInputs, threads, progress_);
    batch_ = llama_batch_init(kBatchTokens, 0, 1);
  }
  if (current_ == &combo) return;
  std::vector<llama_adapter_lora*> adapters;
  std::vector<float> scales;
  for (size_t index = 0; index < combo.adapters.size(); ++index) {
    adapters.push_back(combo.adapters[index]->handle.get());
    scales.push_back(combo.files[index].scale);
  }
  current_ = nullptr;
  if (llama_set_adapters_lora(context_.get(), adapters.data(), adapters.size(), scales.data()) != 0) {
    throw Failure("adapter_mismatch",
                  "Cannot set the combo's adapters for embeddings: llama.cpp refuses them");
  }
  current_ = &combo;
}

/** As many inputs as fit one batch, or a single longer one. */
void Embedder::startPack(Progress& progress) {
  size_t tokens = 0;
  progress.packEnd = progress.firstInput;
  while (progress.packEnd < progress.job.inputs.size()) {
    const size_t more = progress.job.inputs[progress.packEnd].size();
    const size_t packed = progress.packEnd - progress.firstInput;
    if (packed > 0 &&
        (tokens + more > static_cast<size_t>(kBatchTokens) || packed >= static_cast<size_t>(kPackedInputs)))
      break;
    tokens += more;
    ++progress.packEnd;
  }
  progress.decoded = 0;
  llama_memory_clear(llama_get_memory(context_.get()), false);
}

/** True when the pack is complete. */
bool Embedder::decodePack(Progress& progress) {
  const auto length = static_cast<size_t>(llama_model_n_embd_out(&model_));
  std::vector<size_t> inputOf;
  batch_.n_tokens = 0;
  size_t seen = 0;
  bool whole = true;
  for (size_t input = progress.firstInput; input < progress.packEnd && whole; ++input) {
    const std::vector<llama_token>& tokens = progress.job.inputs[input];
    for (size_t position = 0; position < tokens.size(); ++position) {
      if (seen++ < progress.decoded) continue;
      if (batch_.n_tokens == kBatchTokens) {
        whole = false;
        break;
      }
      const int32_t index = batch_.n_tokens++;
      batch_.token[index] = tokens[position];
      batch_.pos[index] = static_cast<llama_pos>(position);
      batch_.n_seq_id[index] = 1;
      batch_.seq_id[index][0] = static_cast<llama_seq_id>(input - progress.firstInput);
      batch_.logits[index] = 1;
      inputOf.push_back(input);
    }
  }
  const int32_t result = llama_decode(context_.get(), batch_);
  if (result != 0)
    throw Failure("context_failed", "Cannot embed: llama_decode gave " + std::to_string(result));
  for (int32_t index = 0; index < batch_.n_tokens; ++index) {
    const float* state = llama_get_embeddings_ith(context_.get(), index);
    if (state == nullptr) throw Failure("context_failed", "Cannot embed: the model gives no hidden states");
    std::vector<double>& sum = progress.sums[inputOf[static_cast<size_t>(index)]];
    sum.resize(length);
    for (size_t at = 0; at < length; ++at) sum[at] += state[at];
  }
  progress.decoded += static_cast<size_t>(batch_.n_tokens);
  return whole;
}

/** v / |v|; the count of the mean falls out of the normalisation. */
void Embedder::finishPack(Progress& progress) {
  for (size_t input = progress.firstInput; input < progress.packEnd; ++input) {
    const std::vector<double>& sum = progress.sums[input];
    double squares = 0;
    for (const double value : sum) squares += value * value;
    const double norm = squares > 0 ? std::sqrt(squares) : 1;
    std::vector<float> vector(sum.size());
    std::ranges::transform(sum, vector.begin(),
                           [&](double value) { return static_cast<float>(value / norm); });
    progress.result.vectors.push_back(std::move(vector));
    progress.result.tokens.push_back(static_cast<int32_t>(progress.job.inputs[input].size()));
    progress.sums[input] = {};
  }
  progress.firstInput = progress.packEnd;
  if (progress.firstInput >= progress.job.inputs.size()) complete(std::move(progress.result));
}

void Embedder::complete(Outcome<EmbedResult> outcome) {
  const EmbedJob job = std::move(jobs_.front().job);
  jobs_.pop_front();
  if (context_) llama_memory_clear(llama_get_memory(context_.get()), false);
  job.combo->requests.fetch_sub(1);
  job.done(std::move(outcome));
}

void Embedder::endAll(const Failure& failure) {
  while (!jobs_.empty()) complete(failure);
}

void Embedder::forget(const Combo& combo) {
  if (current_ != &combo) return;
  current_ = nullptr;
  if (context_) llama_set_adapters_lora(context_.get(), nullptr, 0, nullptr);
}

void Embedder::setThreads(int32_t threads) {
  if (context_) llama_set_n_threads(context_.get(), threads, threads);
}

}  // namespace hearth
