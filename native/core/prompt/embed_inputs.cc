#include "core/prompt/embed_inputs.h"

#include "core/failure.h"

namespace hearth {
namespace {

std::vector<llama_token> tokensOf(const EmbedInput& input, const Vocabulary& vocabulary) {
  if (const auto* text = std::get_if<std::string>(&input)) return vocabulary.tokenise(*text, true, false);
  return std::get<std::vector<int32_t>>(input);
}

}  // namespace

std::vector<std::vector<llama_token>> tokeniseInputs(const std::vector<EmbedInput>& inputs,
                                                     const Vocabulary& vocabulary, int32_t contextTokens) {
  std::vector<std::vector<llama_token>> all;
  all.reserve(inputs.size());
  for (const EmbedInput& input : inputs) {
    const std::string where = "Cannot embed input " + std::to_string(all.size()) + ": ";
    std::vector<llama_token> tokens = tokensOf(input, vocabulary);
    if (tokens.empty()) throw Failure("invalid_argument", where + "expected at least one token");
    if (tokens.size() > static_cast<size_t>(contextTokens)) {
      throw Failure("context_length_exceeded", where + "it has " + std::to_string(tokens.size()) +
                                                   " tokens, the context holds " +
                                                   std::to_string(contextTokens));
    }
    for (const llama_token token : tokens) {
      if (token < 0 || token >= vocabulary.size()) {
        throw Failure("invalid_argument", where + "token " + std::to_string(token) + ", expected 0 to " +
                                              std::to_string(vocabulary.size() - 1));
      }
    }
    all.push_back(std::move(tokens));
  }
  return all;
}

}  // namespace hearth
