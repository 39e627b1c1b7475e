#pragma once

#include <napi.h>

#include "core/backend.h"
#include "core/failure.h"
#include "core/requests.h"

namespace hearth::face {

/** An Error with a `code`: NativeError of addonTypes.ts. */
Napi::Error nativeError(Napi::Env env, const Failure& failure);

Napi::Object write(Napi::Env env, const BackendInfo& info);
Napi::Object write(Napi::Env env, const LoadedModel& model);
Napi::Object write(Napi::Env env, const AttachedCombo& combo);
Napi::Object write(Napi::Env env, const ResizedCombo& combo);
Napi::Object write(Napi::Env env, const EmbedResult& result);
Napi::Object write(Napi::Env env, const Counters& counters);

}  // namespace hearth::face
