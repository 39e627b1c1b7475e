#include "core/prompt/templates.h"

#include "chat-auto-parser.h"
#include "common.h"

namespace hearth {
namespace {

common_chat_tool_choice toolChoiceOf(ToolChoice choice) {
  switch (choice) {
    case ToolChoice::none: return COMMON_CHAT_TOOL_CHOICE_NONE;
    case ToolChoice::required: return COMMON_CHAT_TOOL_CHOICE_REQUIRED;
    default: return COMMON_CHAT_TOOL_CHOICE_AUTO;
  }
}

std::string pieceOf(const llama_vocab* vocab, llama_token token) {
  return token == LLAMA_TOKEN_NULL ? std::string() : common_token_to_piece(vocab, token, true);
}

common_chat_msg message(const char* role, const char* content) {
  common_chat_msg result;
  result.role = role;
  result.content = content;
  return result;
}

common_chat_parser_params parserOf(const common_chat_params& params, common_reasoning_format reasoning) {
  common_chat_parser_params parser(params);
  parser.reasoning_format = reasoning;
  if (!params.parser.empty()) parser.parser.load(params.parser);
  return parser;
}

}  // namespace

ChatTemplates::ChatTemplates(const llama_model& model, const std::string& override)
    : templates_(common_chat_templates_init(&model, override)),
      source_(common_chat_templates_source(templates_.get())) {
  const auto caps = common_chat_templates_get_caps(templates_.get());
  supportsTools_ = caps.at("supports_tools") && caps.at("supports_tool_calls");
  parallelToolCalls_ = caps.at("supports_parallel_tool_calls");
  const llama_vocab* vocab = llama_model_get_vocab(&model);
  addBos_ = llama_vocab_get_add_bos(vocab);
  addEos_ = llama_vocab_get_add_eos(vocab);
  direct_ = std::make_unique<common_chat_template>(source_, pieceOf(vocab, llama_vocab_bos(vocab)),
                                                   pieceOf(vocab, llama_vocab_eos(vocab)));
}

ChatPlan ChatTemplates::apply(const Conversation& conversation, const ChatWishes& wishes) const {
  ChatPlan plan;
  if (conversation.plain && conversation.tools.empty() && isPlain()) {
    plan.params.prompt = render(conversation.messages);
    return plan;
  }
  common_chat_templates_inputs inputs;
  inputs.messages = conversation.messages;
  inputs.tools = conversation.tools;
  inputs.tool_choice = toolChoiceOf(wishes.toolChoice);
  // One call meets a requirement; a weak model that may add more would never stop.
  const bool several = parallelToolCalls_ && wishes.toolChoice != ToolChoice::required;
  inputs.parallel_tool_calls = wishes.parallelToolCalls.value_or(several);
  inputs.json_schema = wishes.jsonSchema;
  inputs.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
  plan.params = common_chat_templates_apply(templates_.get(), inputs);
  plan.parser = parserOf(plan.params, inputs.reasoning_format);
  const bool required =
      !inputs.tools.empty() && wishes.toolChoice == ToolChoice::required && wishes.jsonSchema.empty();
  // A model that thinks does so before its call.
  if (required && !plan.params.supports_thinking) plan.forcedStart = callMarker(std::move(inputs));
  return plan;
}

/** The word that starts the grammar when tools are free to use is the marker that opens a call. */
std::string ChatTemplates::callMarker(common_chat_templates_inputs inputs) const {
  inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_AUTO;
  const common_chat_params params = common_chat_templates_apply(templates_.get(), inputs);
  for (const common_grammar_trigger& trigger : params.grammar_triggers) {
    if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_WORD) return trigger.value;
  }
  return {};
}

void ChatTemplates::prepare() const { isPlain(); }

bool ChatTemplates::isPlain() const {
  std::call_once(probed_, [this] {
    try {
      plain_ = probePlain();
    } catch (const std::exception&) {
      plain_ = false;
    }
  });
  return plain_;
}

/**
 * The library analyses the whole template for every request (about a millisecond) to build a parser of the
 * answer. Where a trial shows that this adds nothing to the rendered text and reads every answer as content,
 * both can be left out.
 */
bool ChatTemplates::probePlain() const {
  // The library gives dates to templates that ask for them; render() does not.
  for (const char* dated : {"date_string", "datetime", "strftime_now"}) {
    if (source_.find(dated) != std::string::npos) return false;
  }
  if (!direct_->original_caps().supports_system_role) return false;
  const std::vector<std::vector<common_chat_msg>> trials = {
      {message("user", "Hi")},
      {message("system", "Be brief."), message("user", "Hi"), message("assistant", "Hello."),
       message("user", "Bye")},
  };
  for (const auto& trial : trials) {
    common_chat_templates_inputs inputs;
    inputs.messages = trial;
    inputs.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
    const common_chat_params params = common_chat_templates_apply(templates_.get(), inputs);
    if (params.prompt != render(trial) || params.supports_thinking || !params.grammar.empty()) return false;
    if (!params.additional_stops.empty() || !params.thinking_start_tag.empty()) return false;
    const std::string answer = " One <b>two</b>\n\n{\"three\": [4]} <think>5</think>\n";
    if (common_chat_parse(answer, false, parserOf(params, inputs.reasoning_format)).content != answer)
      return false;
  }
  return true;
}

std::string ChatTemplates::render(const std::vector<common_chat_msg>& messages) const {
  autoparser::generation_params params;
  params.messages = common_json::array();
  for (const common_chat_msg& each : messages) params.messages.push_back(each.to_json_oaicompat());
  params.add_generation_prompt = true;
  params.add_bos = addBos_;
  params.add_eos = addEos_;
  return common_chat_template_direct_apply(*direct_, params);
}

}  // namespace hearth
