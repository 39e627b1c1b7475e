#pragma once

#include <string>
#include <vector>

#include "chat.h"
#include "core/requests.h"
#include "core/text/special_text.h"

namespace hearth {

/** A chat request in libllama-common's types, with the special texts in its content broken. */
struct Conversation {
  std::vector<common_chat_msg> messages;
  std::vector<common_chat_tool> tools;
  /** What breaks them (SpecialText); empty when nothing had to be broken. */
  std::string sentinel;
  /** Neither tool calls nor tool results: what the plainest template can express. */
  bool plain = true;
};

/**
 * Reads OpenAI's chat completion shapes. `developer` is `system`. `reserved` is text that the sentinel must
 * not occur in, which is the template. Throws Rejection `invalid_prompt`.
 */
Conversation readConversation(const ChatPrompt& prompt, const SpecialText& special,
                              const std::string& reserved);

/** Parses JSON that is nested at most 128 deep, so that no recursion over it can run out of stack. Null when
 * it is not. */
std::optional<common_json> parseShallowJson(const std::string& text);

}  // namespace hearth
