#include "core/prompt/sampler.h"

#include <cmath>

#include "common.h"
#include "core/prompt/rejection.h"
#include "json-schema-to-grammar.h"

namespace hearth {
namespace {

common_params_sampling baseParams(const SamplingOptions& options, int32_t contextTokens) {
  common_params_sampling params;
  params.no_perf = true;
  params.seed = options.seed.value_or(LLAMA_DEFAULT_SEED);
  params.temp = options.temperature;
  params.top_k = options.topK;
  params.top_p = options.topP;
  params.min_p = options.minP;
  params.penalty_last_n = contextTokens;
  params.penalty_present = options.presencePenalty;
  params.penalty_freq = options.frequencyPenalty;
  params.penalty_repeat = options.repeatPenalty;
  params.samplers = {COMMON_SAMPLER_TYPE_PENALTIES, COMMON_SAMPLER_TYPE_TOP_K, COMMON_SAMPLER_TYPE_TOP_P,
                     COMMON_SAMPLER_TYPE_MIN_P, COMMON_SAMPLER_TYPE_TEMPERATURE};
  return params;
}

void addLogitBias(common_params_sampling& params, const SamplingOptions& options,
                  const Vocabulary& vocabulary) {
  for (const auto& [token, bias] : options.logitBias) {
    if (token < 0 || token >= vocabulary.size()) {
      throw Rejection("invalid_logit_bias", "Cannot bias token " + std::to_string(token) +
                                                ": expected 0 to " + std::to_string(vocabulary.size() - 1));
    }
    params.logit_bias.push_back({static_cast<llama_token>(token), bias});
  }
}

/** As llama-server wires the template's grammar: triggers that are one token must be preserved tokens. */
void addGrammar(common_params_sampling& params, const common_chat_params& chat,
                const Vocabulary& vocabulary) {
  for (const std::string& text : chat.preserved_tokens) {
    const auto tokens = vocabulary.tokenise(text, false, true);
    if (tokens.size() == 1) params.preserved_tokens.insert(tokens[0]);
  }
  if (chat.grammar.empty()) return;
  params.grammar = {COMMON_GRAMMAR_TYPE_TOOL_CALLS, chat.grammar};
  params.grammar_lazy = chat.grammar_lazy;
  params.generation_prompt = chat.generation_prompt;
  for (const common_grammar_trigger& trigger : chat.grammar_triggers) {
    common_grammar_trigger wired = trigger;
    if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD) {
      const auto tokens = vocabulary.tokenise(trigger.value, false, true);
      if (tokens.size() == 1 && params.preserved_tokens.contains(tokens[0])) {
        wired.type = COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN;
        wired.token = tokens[0];
      }
    }
    params.grammar_triggers.push_back(std::move(wired));
  }
  // A lazy grammar must not start within a thinking block, which the budget sampler watches; the budget
  // itself is unlimited.
  if (!chat.thinking_start_tag.empty() && !chat.thinking_end_tags.empty()) {
    params.reasoning_budget_start = vocabulary.tokenise(chat.thinking_start_tag, false, true);
    for (const std::string& tag : chat.thinking_end_tags) {
      if (!tag.empty()) params.reasoning_budget_end.push_back(vocabulary.tokenise(tag, false, true));
    }
    if (!params.reasoning_budget_end.empty())
      params.reasoning_budget_forced = params.reasoning_budget_end.front();
  }
}

bool isPlainGreedy(const common_params_sampling& params, const Vocabulary& vocabulary) {
  int32_t suppressed = 0;
  llama_vocab_get_suppress_tokens(vocabulary.raw(), &suppressed);
  return params.temp <= 0 && params.grammar.empty() && params.logit_bias.empty() && suppressed == 0 &&
         params.penalty_present == 0 && params.penalty_freq == 0 && params.penalty_repeat == 1;
}

}  // namespace

std::string grammarOf(const std::string& jsonSchema, const char* subject) {
  const std::string cannot = std::string("Cannot turn ") + subject + " into a grammar: ";
  const auto schema = parseShallowJson(jsonSchema);
  if (!schema || !schema->is_object())
    throw Rejection("invalid_json_schema", cannot + "expected a JSON object");
  try {
    return json_schema_to_grammar(*schema);
  } catch (const std::exception& error) {
    throw Rejection("invalid_json_schema", cannot + error.what());
  }
}

common_sampler_ptr makeSampler(const llama_model& model, const Vocabulary& vocabulary,
                               const SamplingOptions& options, const common_chat_params& chat,
                               int32_t contextTokens) {
  common_params_sampling params = baseParams(options, contextTokens);
  addLogitBias(params, options, vocabulary);
  addGrammar(params, chat, vocabulary);
  if (isPlainGreedy(params, vocabulary)) return nullptr;
  try {
    return common_sampler_ptr(common_sampler_init(&model, params));
  } catch (const std::exception& error) {
    throw Rejection(chat.grammar.empty() ? "engine_failed" : "invalid_json_schema",
                    std::string("Cannot make a sampler: ") + error.what());
  }
}

std::vector<llama_token> forcedTokens(const Vocabulary& vocabulary, const common_sampler_ptr& sampler,
                                      const std::string& start) {
  if (start.empty() || !sampler) return {};
  std::vector<llama_token> tokens = vocabulary.tokenise(start, false, true);
  const common_sampler_ptr trial(common_sampler_clone(sampler.get()));
  try {
    for (const llama_token token : tokens) common_sampler_accept(trial.get(), token, true);
  } catch (const std::exception&) {
    return {};
  }
  return tokens;
}

}  // namespace hearth
