#pragma once

#include <string>
#include <vector>

#include "core/llama/vocabulary.h"
#include "core/prompt/templates.h"
#include "core/requests.h"
#include "sampling.h"

namespace hearth {

/** A grammar of a JSON schema. Throws Rejection `invalid_json_schema` with the library's reason. */
std::string grammarOf(const std::string& jsonSchema, const char* subject = "the JSON schema");

/**
 * The sampler chain of llama-server: penalties, top-k, top-p, min-p, temperature. Null for a plain greedy
 * choice, which an argmax over the logits makes faster.
 *
 * Penalties count what was generated, over the whole context, as OpenAI defines presence and frequency
 * penalties; the prompt is not counted. Throws Rejection `invalid_logit_bias` or `invalid_json_schema`.
 */
common_sampler_ptr makeSampler(const llama_model& model, const Vocabulary& vocabulary,
                               const SamplingOptions& options, const common_chat_params& chat,
                               int32_t contextTokens);

/** The tokens of `start` when the sampler's grammar lets an answer begin with them, else none. */
std::vector<llama_token> forcedTokens(const Vocabulary& vocabulary, const common_sampler_ptr& sampler,
                                      const std::string& start);

}  // namespace hearth
