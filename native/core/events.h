#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/requests.h"

namespace hearth {

/** The events of addonTypes.ts. All texts are valid UTF-8. */
struct AcceptedEvent {
  RequestId id;
  int32_t promptTokens;
  int32_t maxTokens;
};

struct RejectedEvent {
  RequestId id;
  const char* code;
  std::string message;
  std::optional<int32_t> promptTokens;
  std::optional<int32_t> contextTokens;
};

struct TokenAlternative {
  std::string text;
  std::string bytes;
  double logprob;
};

struct TokenLogprob {
  TokenAlternative chosen;
  std::vector<TokenAlternative> top;
};

struct ToolCallDelta {
  size_t index;
  std::string id;
  std::string name;
  std::string arguments;
};

struct DeltaEvent {
  RequestId id;
  std::string text;
  std::string reasoning;
  std::vector<ToolCallDelta> toolCalls;
  std::vector<TokenLogprob> logprobs;

  bool empty() const { return text.empty() && reasoning.empty() && toolCalls.empty() && logprobs.empty(); }
};

enum class FinishReason { stop, length, toolCalls, cancelled, error };

struct DoneEvent {
  RequestId id;
  FinishReason reason;
  std::string message;
  int32_t promptTokens;
  int32_t completionTokens;
  int32_t cachedTokens;
  double queueMs;
  double prefillMs;
  double decodeMs;
};

using Event = std::variant<AcceptedEvent, RejectedEvent, DeltaEvent, DoneEvent>;

}  // namespace hearth
