#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat.h"
#include "core/events.h"

namespace hearth {

/**
 * Reads a chat answer that is more than its content (tool calls, reasoning) while it grows, and gives what
 * each reading adds. The parser starts from the beginning every time, so readings are spaced out in time.
 */
class MessageStream {
 public:
  explicit MessageStream(common_chat_parser_params parser) : parser_(std::move(parser)) {}

  void append(std::string_view text);
  /** A reading is worth its cost now. */
  bool due() const;
  /** Adds to `delta` what can be told of the answer so far. */
  void read(DeltaEvent& delta);
  /** The last reading. `whole` is false for an answer that was cut off. */
  void finish(bool whole, DeltaEvent& delta);
  bool hasToolCalls() const { return !calls_.empty(); }

 private:
  struct SentCall {
    std::string id;
    std::string arguments;
  };

  bool parse(bool partial, common_chat_msg& message) const;
  void addCalls(const common_chat_msg& message, bool last, DeltaEvent& delta);

  common_chat_parser_params parser_;
  std::string text_;
  bool changed_ = false;
  Clock::time_point readAt_{};
  std::string sentContent_;
  std::string sentReasoning_;
  std::vector<SentCall> calls_;
};

}  // namespace hearth
