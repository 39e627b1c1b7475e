/**
 * The loader addon. Node's process.dlopen() closes what is not an addon, and the engine addon needs the
 * llama.cpp libraries in the global scope before it is opened; so this opens them with RTLD_GLOBAL and keeps
 * them. Node has no flock(), with which a runner keeps a segment of the weight store in its place, and cannot choose cores; so that is
 * here, too.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <napi.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <thread>
#include <vector>

#include "core/affinity.h"

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

/** Who lists or evicts has the exclusive lock for moments: half a second is many of them. */
constexpr int kAttempts = 500;
constexpr auto kPause = std::chrono::milliseconds(1);

/** The file that was opened is still the one at the path: a segment that is evicted leaves its place. */
bool isStillAt(int fd, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  if (fstat(fd, &opened) != 0 || lstat(path.c_str(), &named) != 0) return false;
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

Napi::Value LockShared(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsString()) {
    Napi::TypeError::New(env, "Cannot lock a file: expected a path").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return Napi::Number::New(env, -1);
  for (int attempt = 0; attempt < kAttempts && isStillAt(fd, path); ++attempt) {
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
      if (isStillAt(fd, path)) return Napi::Number::New(env, fd);
      break;
    }
    std::this_thread::sleep_for(kPause);
  }
  close(fd);
  return Napi::Number::New(env, -1);
}

Napi::Value RunOnCores(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsArray()) {
    Napi::TypeError::New(env, "Cannot choose cores: expected their numbers").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const Napi::Array numbers = info[0].As<Napi::Array>();
  std::vector<int> cores;
  for (uint32_t index = 0; index < numbers.Length(); ++index) {
    const Napi::Value number = numbers.Get(index);
    if (number.IsNumber()) cores.push_back(number.As<Napi::Number>().Int32Value());
  }
  try {
    return Napi::Number::New(env, hearth::runOnCores(cores));
  } catch (const std::exception& error) {
    Napi::Error::New(env, error.what()).ThrowAsJavaScriptException();
    return env.Undefined();
  }
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, Open, "open"));
  exports.Set("lockShared", Napi::Function::New(env, LockShared, "lockShared"));
  exports.Set("runOnCores", Napi::Function::New(env, RunOnCores, "runOnCores"));
  return exports;
}

}  // namespace

NODE_API_MODULE(hearth_preload, Init)
