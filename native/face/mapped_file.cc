#include "face/mapped_file.h"

#include "core/failure.h"
#include "core/outcomes.h"
#include "face/write_results.h"

namespace hearth::face {

Napi::Function MappedFile::define(Napi::Env env) {
  return DefineClass(env, "MappedFile",
                     {
                         InstanceAccessor<&MappedFile::Bytes>("bytes"),
                         InstanceMethod("close", &MappedFile::Close),
                     });
}

MappedFile::MappedFile(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MappedFile>(info) {
  const Napi::Env env = info.Env();
  const auto refuse = [&](const Failure& failure) { nativeError(env, failure).ThrowAsJavaScriptException(); };
  if (!info[0].IsString()) {
    refuse(Failure("invalid_argument", "Cannot map a file: expected its path"));
    return;
  }
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const auto outcome = outcomeOf("invalid_argument", [&] {
    mapping_.emplace(path);
    return Done{};
  });
  if (const auto* failure = std::get_if<Failure>(&outcome)) refuse(*failure);
}

Napi::Value MappedFile::Bytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), mapping_ ? static_cast<double>(mapping_->bytes()) : 0);
}

Napi::Value MappedFile::Close(const Napi::CallbackInfo& info) {
  mapping_.reset();
  return info.Env().Undefined();
}

}  // namespace hearth::face
