#include "face/write_events.h"

namespace hearth::face {
namespace {

const char* nameOf(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop: return "stop";
    case FinishReason::length: return "length";
    case FinishReason::toolCalls: return "tool_calls";
    case FinishReason::cancelled: return "cancelled";
    default: return "error";
  }
}

Napi::Object eventObject(Napi::Env env, const char* type, RequestId id) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("type", type);
  object.Set("id", static_cast<double>(id));
  return object;
}

Napi::Object write(Napi::Env env, const TokenAlternative& alternative) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("token", alternative.text);
  Napi::Array bytes = Napi::Array::New(env, alternative.bytes.size());
  for (uint32_t index = 0; index < alternative.bytes.size(); ++index) {
    bytes.Set(index, static_cast<double>(static_cast<unsigned char>(alternative.bytes[index])));
  }
  object.Set("bytes", bytes);
  object.Set("logprob", alternative.logprob);
  return object;
}

Napi::Object write(Napi::Env env, const TokenLogprob& logprob) {
  Napi::Object object = write(env, logprob.chosen);
  Napi::Array top = Napi::Array::New(env, logprob.top.size());
  for (uint32_t index = 0; index < logprob.top.size(); ++index)
    top.Set(index, write(env, logprob.top[index]));
  object.Set("top", top);
  return object;
}

Napi::Object write(Napi::Env env, const ToolCallDelta& call) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("index", static_cast<double>(call.index));
  if (!call.id.empty()) object.Set("id", call.id);
  if (!call.name.empty()) object.Set("name", call.name);
  object.Set("argumentsDelta", call.arguments);
  return object;
}

template <typename Item>
Napi::Array writeList(Napi::Env env, const std::vector<Item>& items) {
  Napi::Array list = Napi::Array::New(env, items.size());
  for (uint32_t index = 0; index < items.size(); ++index) list.Set(index, write(env, items[index]));
  return list;
}

Napi::Object write(Napi::Env env, const AcceptedEvent& event) {
  Napi::Object object = eventObject(env, "accepted", event.id);
  object.Set("promptTokens", event.promptTokens);
  object.Set("maxTokens", event.maxTokens);
  return object;
}

Napi::Object write(Napi::Env env, const RejectedEvent& event) {
  Napi::Object object = eventObject(env, "rejected", event.id);
  object.Set("code", event.code);
  object.Set("message", event.message);
  if (event.promptTokens) object.Set("promptTokens", *event.promptTokens);
  if (event.contextTokens) object.Set("contextTokens", *event.contextTokens);
  return object;
}

Napi::Object write(Napi::Env env, const DeltaEvent& event) {
  Napi::Object object = eventObject(env, "delta", event.id);
  object.Set("text", event.text);
  if (!event.reasoning.empty()) object.Set("reasoning", event.reasoning);
  if (!event.toolCalls.empty()) object.Set("toolCalls", writeList(env, event.toolCalls));
  if (!event.logprobs.empty()) object.Set("logprobs", writeList(env, event.logprobs));
  return object;
}

Napi::Object write(Napi::Env env, const DoneEvent& event) {
  Napi::Object object = eventObject(env, "done", event.id);
  object.Set("finishReason", nameOf(event.reason));
  if (!event.message.empty()) object.Set("message", event.message);
  object.Set("promptTokens", event.promptTokens);
  object.Set("completionTokens", event.completionTokens);
  object.Set("cachedTokens", event.cachedTokens);
  object.Set("queueMs", event.queueMs);
  object.Set("prefillMs", event.prefillMs);
  object.Set("decodeMs", event.decodeMs);
  return object;
}

}  // namespace

Napi::Array writeEvents(Napi::Env env, const std::vector<Event>& events) {
  Napi::Array list = Napi::Array::New(env, events.size());
  for (uint32_t index = 0; index < events.size(); ++index) {
    list.Set(index, std::visit([&](const auto& event) { return write(env, event); }, events[index]));
  }
  return list;
}

}  // namespace hearth::face
