#pragma once

#include <napi.h>

#include <optional>

#include "core/memory/file_mapping.h"

namespace hearth::face {

/** MappedFile of addonTypes.ts. Goes with the JavaScript object, when it was not closed before. */
class MappedFile : public Napi::ObjectWrap<MappedFile> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit MappedFile(const Napi::CallbackInfo& info);

 private:
  Napi::Value Bytes(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::optional<FileMapping> mapping_;
};

}  // namespace hearth::face
