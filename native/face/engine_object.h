#pragma once

#include <napi.h>

#include <memory>

#include "core/engine.h"
#include "face/js_thread.h"
#include "face/read_options.h"

namespace hearth::face {

/** NativeEngine of addonTypes.ts. It keeps itself, and the process, alive until close() is through. */
class EngineObject : public Napi::ObjectWrap<EngineObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit EngineObject(const Napi::CallbackInfo& info);

 private:
  /** What native threads need; it outlives the JavaScript object when the environment is torn down. */
  struct Host {
    std::shared_ptr<JsThread> thread;
    Napi::FunctionReference onEvents;
    Napi::FunctionReference onExit;
    std::unique_ptr<Engine> engine;
    bool closed = false;

    void deliver(Napi::Env env);
    /** Ends the engine and joins its threads. Idempotent. */
    void shutDown();
    static void onTearDown(void* host);
  };

  Napi::Value PrepareUpload(const Napi::CallbackInfo& info);
  Napi::Value ReleaseUpload(const Napi::CallbackInfo& info);
  Napi::Value Load(const Napi::CallbackInfo& info);
  Napi::Value Attach(const Napi::CallbackInfo& info);
  Napi::Value Detach(const Napi::CallbackInfo& info);
  Napi::Value Resize(const Napi::CallbackInfo& info);
  Napi::Value Retired(const Napi::CallbackInfo& info);
  Napi::Value Submit(const Napi::CallbackInfo& info);
  Napi::Value Cancel(const Napi::CallbackInfo& info);
  Napi::Value Embed(const Napi::CallbackInfo& info);
  Napi::Value SetThreads(const Napi::CallbackInfo& info);
  Napi::Value CountersOf(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  template <typename Result>
  Completion<Result> resolver(const Napi::Promise::Deferred& deferred);
  Napi::Value refused(Napi::Env env, const char* code, const std::string& message);
  bool open(Napi::Env env, const char* action);

  std::shared_ptr<Host> host_;
  std::vector<Napi::Promise::Deferred> closers_;
};

}  // namespace hearth::face
