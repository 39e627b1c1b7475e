#include "core/decode/message_stream.h"

#include <random>

namespace hearth {
namespace {

constexpr double kReadingIntervalMs = 10;

/** An id in the form that OpenAI's API gives. */
std::string newCallId() {
  static constexpr std::string_view letters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  thread_local std::mt19937_64 random(std::random_device{}());
  std::uniform_int_distribution<size_t> pick(0, letters.size() - 1);
  std::string id = "call_";
  for (int count = 0; count < 24; ++count) id.push_back(letters[pick(random)]);
  return id;
}

/** What `now` has beyond `sent`. A reading that took something back gives nothing until it has grown past it
 * again. */
std::string grown(std::string& sent, const std::string& now) {
  if (now.size() <= sent.size() || !now.starts_with(sent)) return {};
  std::string more = now.substr(sent.size());
  sent = now;
  return more;
}

}  // namespace

void MessageStream::append(std::string_view text) {
  text_.append(text);
  changed_ = changed_ || !text.empty();
}

bool MessageStream::due() const {
  return changed_ && milliseconds(Clock::now() - readAt_) >= kReadingIntervalMs;
}

void MessageStream::read(DeltaEvent& delta) {
  changed_ = false;
  readAt_ = Clock::now();
  common_chat_msg message;
  if (!parse(true, message)) return;
  delta.text += grown(sentContent_, message.content);
  delta.reasoning += grown(sentReasoning_, message.reasoning_content);
  addCalls(message, false, delta);
}

void MessageStream::finish(bool whole, DeltaEvent& delta) {
  common_chat_msg message;
  if (!(whole && parse(false, message)) && !parse(true, message)) {
    // Not in the template's form at all: the client gets the words rather than nothing.
    if (calls_.empty() && sentReasoning_.empty()) delta.text += grown(sentContent_, text_);
    return;
  }
  delta.text += grown(sentContent_, message.content);
  delta.reasoning += grown(sentReasoning_, message.reasoning_content);
  addCalls(message, true, delta);
}

bool MessageStream::parse(bool partial, common_chat_msg& message) const {
  try {
    message = common_chat_parse(text_, partial, parser_);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

/** A name can still grow while it is read: a call is announced when its arguments begin, another follows, or
 * at the end. */
void MessageStream::addCalls(const common_chat_msg& message, bool last, DeltaEvent& delta) {
  for (size_t index = 0; index < message.tool_calls.size(); ++index) {
    const common_chat_tool_call& call = message.tool_calls[index];
    const bool known = index < calls_.size();
    const bool settled = last || !call.arguments.empty() || index + 1 < message.tool_calls.size();
    if (!known && (call.name.empty() || !settled || index > calls_.size())) return;
    ToolCallDelta added{index, "", "", ""};
    if (!known) {
      calls_.push_back({call.id.empty() ? newCallId() : call.id, ""});
      added.id = calls_.back().id;
      added.name = call.name;
    }
    added.arguments = grown(calls_[index].arguments, call.arguments);
    if (!known || !added.arguments.empty()) delta.toolCalls.push_back(std::move(added));
  }
}

}  // namespace hearth
