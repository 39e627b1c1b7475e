#include "face/read_options.h"

namespace hearth::face {
namespace {

constexpr double kNoBound = 1e30;

SamplingOptions readSampling(Reader& reader) {
  SamplingOptions options;
  options.temperature = static_cast<float>(reader.number("temperature", 0, kNoBound));
  options.topP = static_cast<float>(reader.number("topP", 0, 1));
  options.topK = reader.integer("topK", 0, INT32_MAX);
  options.minP = static_cast<float>(reader.number("minP", 0, 1));
  // 0xFFFFFFFF means a random seed to llama.cpp, so seeds are folded into what is below it.
  if (reader.has("seed")) {
    const auto seed = static_cast<int64_t>(reader.number("seed", -9e15, 9e15));
    options.seed = static_cast<uint32_t>(static_cast<uint64_t>(seed) % 0xFFFFFFFFull);
  }
  options.presencePenalty = static_cast<float>(reader.number("presencePenalty", -kNoBound, kNoBound));
  options.frequencyPenalty = static_cast<float>(reader.number("frequencyPenalty", -kNoBound, kNoBound));
  options.repeatPenalty = static_cast<float>(reader.number("repeatPenalty", 0, kNoBound));
  const Napi::Array biases = reader.list("logitBias");
  for (uint32_t index = 0; !reader.failed() && index < biases.Length(); ++index) {
    const Napi::Value pair = biases[index];
    if (!pair.IsArray() || pair.As<Napi::Array>().Length() != 2) {
      reader.fail("logitBias", "pairs of numbers");
      break;
    }
    const Napi::Value token = pair.As<Napi::Array>()[0u];
    const Napi::Value bias = pair.As<Napi::Array>()[1u];
    if (!token.IsNumber() || !bias.IsNumber()) reader.fail("logitBias", "pairs of numbers");
    else
      options.logitBias.emplace_back(token.As<Napi::Number>().Int64Value(),
                                     bias.As<Napi::Number>().FloatValue());
  }
  return options;
}

ToolChoice readToolChoice(Reader& reader) {
  const std::string choice = reader.text("toolChoice");
  if (choice == "none") return ToolChoice::none;
  if (choice == "required") return ToolChoice::required;
  if (choice != "auto") reader.fail("toolChoice", "auto, none or required");
  return ToolChoice::automatic;
}

std::variant<ChatPrompt, TextPrompt, TokenPrompt> readPrompt(Reader& reader) {
  const std::string kind = reader.text("kind");
  if (kind == "text") return TextPrompt{reader.text("text")};
  if (kind == "tokens") {
    const Napi::Array tokens = reader.list("tokens");
    return TokenPrompt{reader.failed() ? std::vector<int32_t>() : readTokens(tokens)};
  }
  if (kind != "chat") reader.fail("kind", "chat, text or tokens");
  ChatPrompt chat;
  chat.messagesJson = reader.text("messagesJson");
  if (reader.has("toolsJson")) chat.toolsJson = reader.text("toolsJson");
  if (reader.has("toolChoice")) chat.toolChoice = readToolChoice(reader);
  if (reader.has("parallelToolCalls")) chat.parallelToolCalls = reader.flag("parallelToolCalls");
  return chat;
}

/** Reads a nested object; its problem becomes the outer one's. */
template <typename Read>
auto nested(Reader& reader, const char* name, Read read) {
  Reader inner(reader.get(name));
  auto result = read(inner);
  if (inner.failed()) reader.fail(name, inner.problem().c_str());
  return result;
}

}  // namespace

GenerateOptions readGenerateOptions(Reader& reader) {
  GenerateOptions options;
  options.combo = reader.text("combo");
  options.prompt = nested(reader, "prompt", readPrompt);
  options.sampling = nested(reader, "sampling", readSampling);
  if (reader.has("maxTokens")) options.maxTokens = static_cast<int64_t>(reader.number("maxTokens", 0, 9e15));
  if (reader.has("jsonSchema")) options.jsonSchema = reader.text("jsonSchema");
  if (reader.has("topLogprobs"))
    options.topLogprobs = static_cast<size_t>(reader.integer("topLogprobs", 0, 1 << 20));
  const Napi::Array stop = reader.list("stop");
  for (uint32_t index = 0; !reader.failed() && index < stop.Length(); ++index) {
    const Napi::Value text = stop[index];
    if (text.IsString()) options.stop.push_back(text.As<Napi::String>().Utf8Value());
    else reader.fail("stop", "strings");
  }
  return options;
}

}  // namespace hearth::face
