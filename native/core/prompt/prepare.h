#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/llama/vocabulary.h"
#include "core/prompt/templates.h"
#include "core/request.h"
#include "sampling.h"

namespace hearth {

/** A request that is ready to decode. */
struct Prepared {
  std::shared_ptr<Request> request;
  std::vector<llama_token> tokens;
  int32_t maxTokens = 0;
  std::vector<std::string> stops;
  /** Special tokens whose text belongs to the output, such as the markers of a tool call. */
  std::set<llama_token> preserved;
  /** Null: greedy. */
  common_sampler_ptr sampler;
  /** What the answer starts with, whatever the model thinks. */
  std::vector<llama_token> forced;
  /** Absent: the output is the content. */
  std::optional<common_chat_parser_params> parser;
};

/** What a model gives to the preparation of its requests. All outlive it. */
struct PreparationBase {
  const llama_model& model;
  const Vocabulary& vocabulary;
  const ChatTemplates& templates;
  int32_t contextTokens;
};

/** Templating, tokenisation, grammar and sampler. Takes milliseconds: the preparation thread runs it. Throws
 * Rejection. */
Prepared prepare(std::shared_ptr<Request> request, const PreparationBase& base);

}  // namespace hearth
