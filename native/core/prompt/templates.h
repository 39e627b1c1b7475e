#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "chat.h"
#include "core/prompt/conversation.h"
#include "llama.h"

namespace hearth {

/** A templated conversation and how its answer is constrained and read. */
struct ChatPlan {
  /** With sentinels where the conversation has them. */
  common_chat_params params;
  /** Absent: the output is the content, word for word. */
  std::optional<common_chat_parser_params> parser;
  /**
   * What a required tool call opens with. The library's grammar lets any amount of content go before it, and
   * a model that was never taught about tools would not come to the point.
   */
  std::string forcedStart;
};

/** What a chat wants besides its messages. */
struct ChatWishes {
  ToolChoice toolChoice = ToolChoice::automatic;
  std::optional<bool> parallelToolCalls;
  /** JSON schema of the answer, empty for none. A plan without a grammar leaves holding the answer to it to
   * the caller. */
  std::string jsonSchema;
};

/** A model's chat templates, parsed once. apply() may be called from one thread at a time. */
class ChatTemplates {
 public:
  /** `override` replaces the model's own when not empty. Throws when it does not parse. */
  ChatTemplates(const llama_model& model, const std::string& override);

  bool isExplicit() const { return common_chat_templates_was_explicit(templates_.get()); }
  bool supportsTools() const { return supportsTools_; }
  const std::string& source() const { return source_; }

  /** Throws what the template raises (a template can refuse a conversation). */
  ChatPlan apply(const Conversation& conversation, const ChatWishes& wishes) const;
  /** Finds out whether plain conversations can take the short way, which a first request would otherwise do.
   */
  void prepare() const;

 private:
  std::string callMarker(common_chat_templates_inputs inputs) const;
  bool isPlain() const;
  bool probePlain() const;
  std::string render(const std::vector<common_chat_msg>& messages) const;

  common_chat_templates_ptr templates_;
  std::string source_;
  bool supportsTools_ = false;
  bool parallelToolCalls_ = false;
  bool addBos_ = false;
  bool addEos_ = false;
  /** The default template once more: the library keeps its own copy to itself. */
  std::unique_ptr<common_chat_template> direct_;
  mutable std::once_flag probed_;
  mutable bool plain_ = false;
};

}  // namespace hearth
