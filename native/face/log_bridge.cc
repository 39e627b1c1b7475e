#include "face/log_bridge.h"

#include "core/llama/library_log.h"
#include "face/js_thread.h"

namespace hearth::face {
namespace {

const char* nameOf(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warn: return "warn";
    default: return "info";
  }
}

}  // namespace

void startLogBridge(Napi::Env env, Napi::Function onLog) {
  const auto thread = JsThread::make(env, "hearth-log", false);
  if (!thread) return;
  auto* callback = new Napi::FunctionReference(Napi::Persistent(onLog));
  startLog([thread, callback](LogLevel level, std::string text) {
    thread->post([callback, level, text = std::move(text)](Napi::Env taskEnv) {
      callback->Call({Napi::String::New(taskEnv, nameOf(level)), Napi::String::New(taskEnv, text)});
    });
  });
  env.AddCleanupHook([thread, callback] {
    stopLog();
    thread->close();
    callback->Reset();
    delete callback;
  });
}

}  // namespace hearth::face
