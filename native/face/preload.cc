/**
 * The loader addon. Node's process.dlopen() closes what is not an addon, and the engine addon needs the
 * llama.cpp libraries in the global scope before it is opened; so this opens them with RTLD_GLOBAL and keeps
 * them.
 */
#include <dlfcn.h>
#include <napi.h>

namespace {

void Open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsString()) {
    Napi::TypeError::New(env, "Cannot open a library: expected a path").ThrowAsJavaScriptException();
    return;
  }
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return;
  const char* reason = dlerror();
  const std::string message =
      "Cannot open \"" + path + "\": " + (reason == nullptr ? "dlopen failed" : reason);
  Napi::Error::New(env, message).ThrowAsJavaScriptException();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, Open, "open"));
  return exports;
}

}  // namespace

NODE_API_MODULE(hearth_preload, Init)
