#include "core/prompt/conversation.h"

#include <functional>

#include "core/prompt/rejection.h"

namespace hearth {
namespace {

constexpr int kMaxDepth = 128;

using Rewrite = std::function<std::string(const std::string&)>;

bool isShallow(const std::string& text) {
  int depth = 0;
  bool quoted = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return false;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return true;
}

/** A copy with every string, keys included, rewritten. */
common_json rewritten(const common_json& node, const Rewrite& rewrite) {
  if (node.is_string()) return common_json(rewrite(node.get<std::string>()));
  if (node.is_array()) {
    common_json copy = common_json::array();
    for (const common_json& item : node) copy.push_back(rewritten(item, rewrite));
    return copy;
  }
  if (node.is_object()) {
    common_json copy = common_json::object();
    for (const auto& [key, value] : node.items()) copy[rewrite(key)] = rewritten(value, rewrite);
    return copy;
  }
  return node;
}

/**
 * Arguments of earlier tool calls are JSON in a string, and templates may print the parsed value: escapes
 * such as \u003c are resolved first, or a special text could hide behind them.
 */
void unfoldArguments(common_json& message) {
  if (!message.contains("tool_calls") || !message.at("tool_calls").is_array()) return;
  for (common_json& call : message.at("tool_calls")) {
    if (!call.is_object() || !call.contains("function") || !call.at("function").is_object()) continue;
    common_json& function = call.at("function");
    if (!function.contains("arguments") || !function.at("arguments").is_string()) continue;
    const auto parsed = parseShallowJson(function.at("arguments").get<std::string>());
    if (parsed) function["arguments"] = parsed->dump();
  }
}

/** True for what only a template with tool support can express. */
bool usesTools(const common_json& message) {
  return message.at("role") == "tool" ||
         (message.contains("tool_calls") && !message.at("tool_calls").empty());
}

std::string roleOf(const common_json& message, size_t index) {
  const std::string where = "Cannot read message " + std::to_string(index) + ": ";
  if (!message.is_object() || !message.contains("role") || !message.at("role").is_string()) {
    throw Rejection("invalid_prompt", where + "expected an object with a role");
  }
  const std::string role = message.at("role").get<std::string>();
  if (role == "developer") return "system";
  if (role != "system" && role != "user" && role != "assistant" && role != "tool") {
    throw Rejection("invalid_prompt", where + "expected the role system, developer, user, assistant or tool");
  }
  return role;
}

common_json parseList(const std::string& text, const char* what) {
  const auto list = parseShallowJson(text);
  if (!list || !list->is_array()) {
    throw Rejection("invalid_prompt", std::string("Cannot read ") + what + ": expected a JSON array");
  }
  return *list;
}

}  // namespace

std::optional<common_json> parseShallowJson(const std::string& text) {
  if (!isShallow(text)) return std::nullopt;
  common_json value = common_json::parse_no_throw(text);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

Conversation readConversation(const ChatPrompt& prompt, const SpecialText& special,
                              const std::string& reserved) {
  common_json messages = parseList(prompt.messagesJson, "messages");
  common_json tools = prompt.toolsJson ? parseList(*prompt.toolsJson, "tools") : common_json::array();
  if (messages.empty()) throw Rejection("invalid_prompt", "Cannot read messages: expected at least one");

  Conversation conversation;
  size_t index = 0;
  for (common_json& message : messages) {
    message["role"] = roleOf(message, index++);
    unfoldArguments(message);
    if (usesTools(message)) conversation.plain = false;
    // The parser wants one of the two; a bare assistant turn is an empty one.
    if (!message.contains("content") && !message.contains("tool_calls")) message["content"] = "";
  }

  bool mustBreak = false;
  const Rewrite inspect = [&](const std::string& text) {
    mustBreak = mustBreak || special.mustBreak(text);
    return text;
  };
  rewritten(messages, inspect);
  rewritten(tools, inspect);
  if (mustBreak) {
    conversation.sentinel = unusedSentinel(reserved + messages.dump_safe() + tools.dump_safe());
    if (conversation.sentinel.empty()) {
      throw Rejection("invalid_prompt", "Cannot read messages: they use every private-use character");
    }
    const Rewrite breakApart = [&](const std::string& text) {
      return special.breakApart(text, conversation.sentinel);
    };
    messages = rewritten(messages, breakApart);
    tools = rewritten(tools, breakApart);
  }

  try {
    conversation.messages = common_chat_msgs_parse_oaicompat(messages);
    conversation.tools = common_chat_tools_parse_oaicompat(tools);
  } catch (const std::exception&) {
    // The library's message quotes the conversation.
    throw Rejection("invalid_prompt",
                    "Cannot read messages or tools: expected the shapes of OpenAI's chat completions");
  }
  return conversation;
}

}  // namespace hearth
