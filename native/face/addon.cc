#include <napi.h>

#include "core/backend.h"
#include "core/loop_cores.h"
#include "face/engine_object.h"
#include "face/log_bridge.h"
#include "face/mapped_file.h"
#include "face/read_options.h"
#include "face/write_results.h"

namespace hearth::face {
namespace {

/** ADDON_VERSION of addonTypes.ts. */
constexpr int kAddonVersion = 6;

Napi::Value Initialise(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Reader reader(info[0]);
  const std::string libraryDir = reader.text("libraryDir");
  const Napi::Value onLog = reader.get("onLog");
  const Napi::Array loopCores = reader.list("eventLoopCores");
  if (reader.failed() || !onLog.IsFunction()) {
    nativeError(env, Failure("invalid_argument",
                             "Cannot initialise the engine: expected libraryDir, onLog and eventLoopCores"))
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  startLogBridge(env, onLog.As<Napi::Function>());
  const auto outcome = outcomeOf("invalid_argument", [&] {
    BackendInfo backend = initialiseBackend(libraryDir);
    // What the libraries make of threads may run anywhere.
    keepLoopOn(readTokens(loopCores));
    return backend;
  });
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    nativeError(env, *failure).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return write(env, std::get<BackendInfo>(outcome));
}

/** The classes, one of each per environment. */
struct AddonData {
  Napi::FunctionReference engineClass;
  Napi::FunctionReference mappedFileClass;
};

Napi::Value CreateEngine(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<AddonData>()->engineClass.New({info[0]});
}

Napi::Value MapFile(const Napi::CallbackInfo& info) {
  return info.Env().GetInstanceData<AddonData>()->mappedFileClass.New({info[0]});
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* data =
      new AddonData{Napi::Persistent(EngineObject::define(env)), Napi::Persistent(MappedFile::define(env))};
  env.SetInstanceData(data);
  exports.Set("addonVersion", kAddonVersion);
  exports.Set("initialise", Napi::Function::New(env, Initialise, "initialise"));
  exports.Set("createEngine", Napi::Function::New(env, CreateEngine, "createEngine"));
  exports.Set("mapFile", Napi::Function::New(env, MapFile, "mapFile"));
  return exports;
}

NODE_API_MODULE(hearth_engine, Init)

}  // namespace
}  // namespace hearth::face
