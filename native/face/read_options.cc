#include "face/read_options.h"

#include <cmath>

namespace hearth::face {

Reader::Reader(Napi::Value value) {
  if (value.IsObject()) object_ = value.As<Napi::Object>();
  else problem_ = "expected an object";
}

void Reader::fail(const char* name, const char* expected) {
  if (problem_.empty()) problem_ = "property \"" + std::string(name) + "\", expected " + expected;
}

Napi::Value Reader::get(const char* name) {
  if (failed()) return {};
  const Napi::Value value = object_.Get(name);
  if (value.IsEmpty()) fail(name, "a readable property");
  return value;
}

bool Reader::has(const char* name) {
  const Napi::Value value = get(name);
  return !failed() && !value.IsUndefined() && !value.IsNull();
}

std::string Reader::text(const char* name) {
  const Napi::Value value = get(name);
  if (!failed() && value.IsString()) return value.As<Napi::String>().Utf8Value();
  fail(name, "a string");
  return {};
}

bool Reader::flag(const char* name) {
  const Napi::Value value = get(name);
  if (!failed() && value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  fail(name, "a boolean");
  return false;
}

double Reader::number(const char* name, double least, double most) {
  const Napi::Value value = get(name);
  if (!failed() && value.IsNumber()) {
    const double read = value.As<Napi::Number>().DoubleValue();
    if (std::isfinite(read) && read >= least && read <= most) return read;
  }
  fail(name, "a number in range");
  return least;
}

int32_t Reader::integer(const char* name, int32_t least, int32_t most) {
  const double read = number(name, least, most);
  if (!failed() && read != std::floor(read)) fail(name, "an integer");
  return static_cast<int32_t>(read);
}

Napi::Array Reader::list(const char* name) {
  const Napi::Value value = get(name);
  if (!failed() && value.IsArray()) return value.As<Napi::Array>();
  fail(name, "an array");
  return {};
}

std::vector<int32_t> readTokens(Napi::Array list) {
  std::vector<int32_t> tokens;
  tokens.reserve(list.Length());
  for (uint32_t index = 0; index < list.Length(); ++index) {
    const Napi::Value item = list[index];
    const double value = item.IsNumber() ? item.As<Napi::Number>().DoubleValue() : -1;
    const bool token = value >= 0 && value <= INT32_MAX && value == std::floor(value);
    tokens.push_back(token ? static_cast<int32_t>(value) : -1);
  }
  return tokens;
}

namespace {

UploadMode readUploadMode(Reader& reader) {
  const std::string mode = reader.text("upload");
  if (mode == "plain") return UploadMode::plain;
  if (mode == "checked") return UploadMode::checked;
  if (mode != "trusted") reader.fail("upload", "plain, checked or trusted");
  return UploadMode::trusted;
}

}  // namespace

LoadOptions readLoadOptions(Reader& reader) {
  LoadOptions options;
  options.path = reader.text("path");
  options.deviceLayers = reader.integer("deviceLayers", -1, 100000);
  if (reader.has("device")) options.device = reader.text("device");
  options.threads = reader.integer("threads", 1, 512);
  options.useMmap = reader.flag("useMmap");
  options.repack = reader.flag("repack");
  options.contextTokens = reader.integer("contextTokens", 0, 1 << 24);
  options.sequences = reader.integer("sequences", 1, 256);
  if (reader.has("kvBudgetBytes"))
    options.kvBudgetBytes = static_cast<uint64_t>(reader.number("kvBudgetBytes", 0, 1e18));
  if (reader.has("chatTemplate")) options.chatTemplate = reader.text("chatTemplate");
  if (reader.has("upload")) options.upload = readUploadMode(reader);
  return options;
}

AttachOptions readAttachOptions(Reader& reader) {
  AttachOptions options;
  options.combo = reader.text("combo");
  options.warmUp = reader.flag("warmUp");
  const Napi::Array adapters = reader.list("adapters");
  for (uint32_t index = 0; !reader.failed() && index < adapters.Length(); ++index) {
    Reader adapter(adapters.Get(index));
    const std::string path = adapter.text("path");
    options.adapters.push_back({path, static_cast<float>(adapter.number("scale", -1e6, 1e6))});
    if (adapter.failed()) reader.fail("adapters", "objects with a path and a scale");
  }
  return options;
}

ResizeOptions readResizeOptions(Reader& reader) {
  ResizeOptions options;
  options.combo = reader.text("combo");
  options.sequences = reader.integer("sequences", 1, 256);
  options.warmUp = reader.flag("warmUp");
  return options;
}

}  // namespace hearth::face
