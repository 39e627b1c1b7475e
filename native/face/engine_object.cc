#include "face/engine_object.h"

#include "face/write_events.h"
#include "face/write_results.h"

namespace hearth::face {
namespace {

/** process[method]('exit', listener) */
void callProcess(Napi::Env env, const char* method, Napi::Function listener) {
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  process.Get(method).As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), listener});
}

}  // namespace

Napi::Function EngineObject::define(Napi::Env env) {
  return DefineClass(env, "NativeEngine",
                     {
                         InstanceMethod("prepareUpload", &EngineObject::PrepareUpload),
                         InstanceMethod("releaseUpload", &EngineObject::ReleaseUpload),
                         InstanceMethod("load", &EngineObject::Load),
                         InstanceMethod("attach", &EngineObject::Attach),
                         InstanceMethod("detach", &EngineObject::Detach),
                         InstanceMethod("resize", &EngineObject::Resize),
                         InstanceMethod("retired", &EngineObject::Retired),
                         InstanceMethod("submit", &EngineObject::Submit),
                         InstanceMethod("cancel", &EngineObject::Cancel),
                         InstanceMethod("embed", &EngineObject::Embed),
                         InstanceMethod("setThreads", &EngineObject::SetThreads),
                         InstanceMethod("counters", &EngineObject::CountersOf),
                         InstanceMethod("close", &EngineObject::Close),
                     });
}

EngineObject::EngineObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineObject>(info) {
  Napi::Env env = info.Env();
  Reader reader(info[0]);
  const double coalesceMs = reader.number("coalesceMs", 0, 60000);
  const Napi::Value onEvents = reader.get("onEvents");
  if (reader.failed() || !onEvents.IsFunction()) {
    nativeError(env, Failure("invalid_argument", "Cannot make an engine: expected coalesceMs and onEvents"))
        .ThrowAsJavaScriptException();
    return;
  }
  host_ = std::make_shared<Host>();
  host_->thread = JsThread::make(env, "hearth-engine", true);
  host_->onEvents = Napi::Persistent(onEvents.As<Napi::Function>());
  Host* host = host_.get();
  host_->engine = std::make_unique<Engine>(
      coalesceMs, [host] { host->thread->post([host](Napi::Env taskEnv) { host->deliver(taskEnv); }); });
  // A worker's environment is torn down with hooks, added after the thread-safe function to run before that
  // goes. The main thread's is not: exit() destroys the libraries' static objects while a decode thread still
  // uses them, unless the engine ends at the `exit` event.
  napi_add_env_cleanup_hook(env, Host::onTearDown, host);
  const auto onExit = Napi::Function::New(env, [host](const Napi::CallbackInfo&) { host->shutDown(); });
  host_->onExit = Napi::Persistent(onExit);
  callProcess(env, "once", onExit);
  Ref();
}

void EngineObject::Host::deliver(Napi::Env env) {
  if (!engine || onEvents.IsEmpty()) return;
  const std::vector<Event> events = engine->drainEvents();
  if (!events.empty()) onEvents.Call({writeEvents(env, events)});
}

void EngineObject::Host::onTearDown(void* host) { static_cast<Host*>(host)->shutDown(); }

void EngineObject::Host::shutDown() {
  closed = true;
  engine.reset();
  thread->close();
  onEvents.Reset();
  onExit.Reset();
}

template <typename Result>
Completion<Result> EngineObject::resolver(const Napi::Promise::Deferred& deferred) {
  return [thread = host_->thread, deferred](Outcome<Result> outcome) {
    thread->post([deferred, outcome = std::move(outcome)](Napi::Env env) {
      if (const auto* failure = std::get_if<Failure>(&outcome))
        return deferred.Reject(nativeError(env, *failure).Value());
      if constexpr (std::is_same_v<Result, Done>) deferred.Resolve(env.Undefined());
      else deferred.Resolve(write(env, std::get<Result>(outcome)));
    });
  };
}

Napi::Value EngineObject::refused(Napi::Env env, const char* code, const std::string& message) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(nativeError(env, Failure(code, message)).Value());
  return deferred.Promise();
}

Napi::Value EngineObject::PrepareUpload(const Napi::CallbackInfo& info) {
  if (!host_->closed) host_->engine->prepareUpload();
  return info.Env().Undefined();
}

Napi::Value EngineObject::ReleaseUpload(const Napi::CallbackInfo& info) {
  if (!host_->closed) host_->engine->releaseUpload();
  return info.Env().Undefined();
}

Napi::Value EngineObject::Load(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (host_->closed) return refused(env, "closed", "Cannot load a model: the engine is closed");
  Reader reader(info[0]);
  LoadOptions options = readLoadOptions(reader);
  if (reader.failed()) return refused(env, "invalid_argument", "Cannot load a model: " + reader.problem());
  std::function<void(float)> onProgress = [](float) {};
  if (info.Length() > 1 && info[1].IsFunction()) {
    // The control thread may be the last that holds it, and a reference may only go on the JavaScript thread.
    const std::shared_ptr<Napi::FunctionReference> callback(
        new Napi::FunctionReference(Napi::Persistent(info[1].As<Napi::Function>())),
        [thread = host_->thread](Napi::FunctionReference* reference) {
          thread->post([reference](Napi::Env) { delete reference; });
        });
    onProgress = [thread = host_->thread, callback, shown = -1](float fraction) mutable {
      // llama.cpp reports every tensor; a hundred steps are enough for anyone.
      const int percent = static_cast<int>(fraction * 100);
      if (percent == shown) return;
      shown = percent;
      thread->post([callback, fraction](Napi::Env taskEnv) {
        callback->Call({Napi::Number::New(taskEnv, fraction)});
      });
    };
  }
  const auto deferred = Napi::Promise::Deferred::New(env);
  host_->engine->load(std::move(options), std::move(onProgress), resolver<LoadedModel>(deferred));
  return deferred.Promise();
}

Napi::Value EngineObject::Attach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (host_->closed) return refused(env, "closed", "Cannot attach a combo: the engine is closed");
  Reader reader(info[0]);
  AttachOptions options = readAttachOptions(reader);
  if (reader.failed()) return refused(env, "invalid_argument", "Cannot attach a combo: " + reader.problem());
  const auto deferred = Napi::Promise::Deferred::New(env);
  host_->engine->attach(std::move(options), resolver<AttachedCombo>(deferred));
  return deferred.Promise();
}

Napi::Value EngineObject::Detach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (host_->closed) return refused(env, "closed", "Cannot detach a combo: the engine is closed");
  if (!info[0].IsString()) return refused(env, "invalid_argument", "Cannot detach a combo: expected its key");
  const auto deferred = Napi::Promise::Deferred::New(env);
  host_->engine->detach(info[0].As<Napi::String>().Utf8Value(), resolver<Done>(deferred));
  return deferred.Promise();
}

Napi::Value EngineObject::Resize(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (host_->closed) return refused(env, "closed", "Cannot resize a combo: the engine is closed");
  Reader reader(info[0]);
  ResizeOptions options = readResizeOptions(reader);
  if (reader.failed()) return refused(env, "invalid_argument", "Cannot resize a combo: " + reader.problem());
  const auto deferred = Napi::Promise::Deferred::New(env);
  host_->engine->resize(std::move(options), resolver<ResizedCombo>(deferred));
  return deferred.Promise();
}

Napi::Value EngineObject::Retired(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (host_->closed) return refused(env, "closed", "Cannot wait for contexts to go: the engine is closed");
  if (!info[0].IsString())
    return refused(env, "invalid_argument", "Cannot wait for contexts to go: expected their combo's key");
  const auto deferred = Napi::Promise::Deferred::New(env);
  host_->engine->retired(info[0].As<Napi::String>().Utf8Value(), resolver<Done>(deferred));
  return deferred.Promise();
}

bool EngineObject::open(Napi::Env env, const char* action) {
  if (!host_->closed) return true;
  nativeError(env, Failure("closed", std::string("Cannot ") + action + ": the engine is closed"))
      .ThrowAsJavaScriptException();
  return false;
}

Napi::Value EngineObject::Submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!open(env, "submit a request")) return env.Undefined();
  Reader reader(info[0]);
  GenerateOptions options = readGenerateOptions(reader);
  if (reader.failed()) {
    nativeError(env, Failure("invalid_argument", "Cannot submit a request: " + reader.problem()))
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return Napi::Number::New(env, static_cast<double>(host_->engine->submit(std::move(options))));
}

Napi::Value EngineObject::Cancel(const Napi::CallbackInfo& info) {
  if (!host_->closed && info[0].IsNumber()) {
    host_->engine->cancel(
        static_cast<RequestId>(std::max<int64_t>(0, info[0].As<Napi::Number>().Int64Value())));
  }
  return info.Env().Undefined();
}

Napi::Value EngineObject::Embed(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (host_->closed) return refused(env, "closed", "Cannot embed: the engine is closed");
  if (!info[0].IsString() || !info[1].IsArray()) {
    return refused(env, "invalid_argument", "Cannot embed: expected a combo and a list of inputs");
  }
  const Napi::Array list = info[1].As<Napi::Array>();
  std::vector<EmbedInput> inputs;
  for (uint32_t index = 0; index < list.Length(); ++index) {
    const Napi::Value input = list[index];
    if (input.IsString()) inputs.emplace_back(input.As<Napi::String>().Utf8Value());
    else if (input.IsArray()) inputs.emplace_back(readTokens(input.As<Napi::Array>()));
    else return refused(env, "invalid_argument", "Cannot embed: expected texts or lists of tokens");
  }
  const auto deferred = Napi::Promise::Deferred::New(env);
  host_->engine->embed(info[0].As<Napi::String>().Utf8Value(), std::move(inputs),
                       resolver<EmbedResult>(deferred));
  return deferred.Promise();
}

Napi::Value EngineObject::SetThreads(const Napi::CallbackInfo& info) {
  const int32_t threads = info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : 0;
  if (threads < 1 || threads > 512) {
    nativeError(info.Env(), Failure("invalid_argument", "Cannot set threads: expected 1 to 512"))
        .ThrowAsJavaScriptException();
  } else if (!host_->closed) {
    host_->engine->setThreads(threads);
  }
  return info.Env().Undefined();
}

Napi::Value EngineObject::CountersOf(const Napi::CallbackInfo& info) {
  const Counters counters = host_->engine ? host_->engine->counters() : Counters();
  return write(info.Env(), counters);
}

Napi::Value EngineObject::Close(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto deferred = Napi::Promise::Deferred::New(env);
  if (host_->closed && closers_.empty()) {
    deferred.Resolve(env.Undefined());
    return deferred.Promise();
  }
  closers_.push_back(deferred);
  if (host_->closed) return deferred.Promise();
  host_->closed = true;
  host_->engine->close([this, host = host_](const Outcome<Done>&) {
    host->thread->post([this, host](Napi::Env taskEnv) {
      host->deliver(taskEnv);
      for (const auto& closer : closers_) closer.Resolve(taskEnv.Undefined());
      closers_.clear();
      napi_remove_env_cleanup_hook(taskEnv, Host::onTearDown, host.get());
      callProcess(taskEnv, "removeListener", host->onExit.Value());
      host->shutDown();
      Unref();
    });
  });
  return deferred.Promise();
}

}  // namespace hearth::face
