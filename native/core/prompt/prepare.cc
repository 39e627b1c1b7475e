#include "core/prompt/prepare.h"

#include <algorithm>

#include "core/prompt/rejection.h"
#include "core/prompt/sampler.h"

namespace hearth {
namespace {

struct Prompt {
  std::vector<llama_token> tokens;
  common_chat_params chat;
  std::optional<common_chat_parser_params> parser;
  std::string forcedStart;
};

void requireTools(const ChatPrompt& chat, const Conversation& conversation, const PreparationBase& base) {
  if (conversation.tools.empty() || chat.toolChoice == ToolChoice::none) return;
  // llama.cpp drops tools in silence on a template that cannot express them.
  if (!base.templates.supportsTools()) {
    throw Rejection("tools_unsupported",
                    "Cannot offer tools: the model's chat template does not support them");
  }
  for (const common_chat_tool& tool : conversation.tools) grammarOf(tool.parameters, "a tool's parameters");
}

Prompt chatPrompt(const ChatPrompt& chat, const std::string& schema, const PreparationBase& base) {
  const SpecialText& special = base.vocabulary.specialText();
  Conversation conversation = readConversation(chat, special, base.templates.source());
  requireTools(chat, conversation, base);
  if (!base.templates.supportsTools()) conversation.tools.clear();
  const ChatWishes wishes{chat.toolChoice, chat.parallelToolCalls, schema};
  ChatPlan plan;
  try {
    plan = base.templates.apply(conversation, wishes);
  } catch (const std::exception&) {
    // What a template raises can quote the conversation.
    throw Rejection("chat_template_failed", "Cannot apply the chat template: it refuses the conversation");
  }
  Prompt prompt;
  if (conversation.sentinel.empty()) {
    prompt.tokens = base.vocabulary.tokenise({{plan.params.prompt, true}});
  } else {
    prompt.tokens = base.vocabulary.tokenise(special.split(plan.params.prompt, conversation.sentinel));
  }
  prompt.chat = std::move(plan.params);
  prompt.parser = std::move(plan.parser);
  prompt.forcedStart = std::move(plan.forcedStart);
  return prompt;
}

Prompt tokenPrompt(const TokenPrompt& given, const PreparationBase& base) {
  for (const int32_t token : given.tokens) {
    if (token < 0 || token >= base.vocabulary.size()) {
      throw Rejection("invalid_prompt", "Cannot complete a prompt with token " + std::to_string(token) +
                                            ": expected 0 to " + std::to_string(base.vocabulary.size() - 1));
    }
  }
  return {given.tokens, {}, {}, {}};
}

Prompt readPrompt(const GenerateOptions& options, const std::string& schema, const PreparationBase& base) {
  if (const auto* chat = std::get_if<ChatPrompt>(&options.prompt)) return chatPrompt(*chat, schema, base);
  if (const auto* tokens = std::get_if<TokenPrompt>(&options.prompt)) return tokenPrompt(*tokens, base);
  return {base.vocabulary.tokenise({{std::get<TextPrompt>(options.prompt).text, true}}), {}, {}, {}};
}

/** `{}` asks for an object, which as a schema it does not. */
std::string schemaOf(const GenerateOptions& options) {
  if (!options.jsonSchema) return {};
  const auto schema = parseShallowJson(*options.jsonSchema);
  const bool any = schema && schema->is_object() && schema->empty();
  return any ? R"({"type":"object"})" : *options.jsonSchema;
}

void requireFit(size_t promptTokens, int32_t contextTokens) {
  if (promptTokens < static_cast<size_t>(contextTokens)) return;
  Rejection rejection("context_length_exceeded",
                      "Cannot decode " + std::to_string(promptTokens) + " prompt tokens: the context holds " +
                          std::to_string(contextTokens) + ", one of them for the answer");
  rejection.promptTokens = static_cast<int32_t>(std::min<size_t>(promptTokens, INT32_MAX));
  rejection.contextTokens = contextTokens;
  throw rejection;
}

}  // namespace

Prepared prepare(std::shared_ptr<Request> request, const PreparationBase& base) {
  const GenerateOptions& options = request->options;
  const std::string schema = schemaOf(options);
  const std::string schemaGrammar = schema.empty() ? "" : grammarOf(schema);
  Prompt prompt = readPrompt(options, schema, base);
  if (prompt.tokens.empty() && base.vocabulary.startToken() != LLAMA_TOKEN_NULL) {
    prompt.tokens.push_back(base.vocabulary.startToken());
  }
  if (prompt.tokens.empty())
    throw Rejection("invalid_prompt", "Cannot complete an empty prompt: the model has no first token");
  requireFit(prompt.tokens.size(), base.contextTokens);
  if (prompt.chat.grammar.empty() && !schemaGrammar.empty()) {
    // Without a template's opinion the schema's grammar holds the whole answer.
    prompt.chat.grammar = schemaGrammar;
    prompt.chat.grammar_lazy = false;
    // This grammar starts with the answer; the template's opening of the turn is not part of it.
    prompt.chat.generation_prompt.clear();
  }

  Prepared prepared;
  const int64_t room = base.contextTokens - static_cast<int64_t>(prompt.tokens.size());
  prepared.maxTokens = static_cast<int32_t>(std::clamp<int64_t>(options.maxTokens.value_or(room), 0, room));
  prepared.stops = options.stop;
  std::ranges::copy(prompt.chat.additional_stops, std::back_inserter(prepared.stops));
  for (const std::string& text : prompt.chat.preserved_tokens) {
    const auto tokens = base.vocabulary.tokenise(text, false, true);
    if (tokens.size() == 1) prepared.preserved.insert(tokens[0]);
  }
  prepared.sampler =
      makeSampler(base.model, base.vocabulary, options.sampling, prompt.chat, base.contextTokens);
  prepared.forced = forcedTokens(base.vocabulary, prepared.sampler, prompt.forcedStart);
  prepared.parser = std::move(prompt.parser);
  prepared.tokens = std::move(prompt.tokens);
  prepared.request = std::move(request);
  return prepared;
}

}  // namespace hearth
