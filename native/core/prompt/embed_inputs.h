#pragma once

#include <vector>

#include "core/llama/vocabulary.h"
#include "core/requests.h"

namespace hearth {

/**
 * Tokens of texts to embed. Special tokens in them are not parsed; lists of tokens are taken as they are.
 * Throws Failure `context_length_exceeded` or `invalid_argument`.
 */
std::vector<std::vector<llama_token>> tokeniseInputs(const std::vector<EmbedInput>& inputs,
                                                     const Vocabulary& vocabulary, int32_t contextTokens);

}  // namespace hearth
