#include "face/js_thread.h"

namespace hearth::face {

std::shared_ptr<JsThread> JsThread::make(Napi::Env env, const char* name, bool keepsAlive) {
  auto thread = std::make_shared<JsThread>();
  // The function may outlive its owner by one turn of the event loop; its own reference goes when it does.
  auto* self = new std::shared_ptr<JsThread>(thread);
  const napi_status status =
      napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, name), 0, 1, self,
                                      finalise, thread.get(), call, &thread->function_);
  if (status != napi_ok) {
    delete self;
    return nullptr;
  }
  if (!keepsAlive) napi_unref_threadsafe_function(env, thread->function_);
  return thread;
}

void JsThread::post(Task task) {
  const std::lock_guard lock(mutex_);
  if (function_ == nullptr) return;
  tasks_.push_back(std::move(task));
  if (scheduled_) return;
  scheduled_ = napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking) == napi_ok;
}

void JsThread::close() {
  napi_threadsafe_function function = nullptr;
  // Destroyed without the lock: what a task holds may post when it goes.
  std::vector<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    std::swap(function, function_);
    dropped.swap(tasks_);
  }
  if (function != nullptr) napi_release_threadsafe_function(function, napi_tsfn_release);
}

void JsThread::call(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  const auto self = static_cast<JsThread*>(context)->shared_from_this();
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(self->mutex_);
    self->scheduled_ = false;
    tasks.swap(self->tasks_);
  }
  for (const Task& task : tasks) {
    const Napi::HandleScope scope(env);
    task(env);
    const Napi::Env napiEnv(env);
    if (!napiEnv.IsExceptionPending()) continue;
    // Node-API would only print a warning: what a callback throws is an uncaught exception like any other.
    napi_fatal_exception(env, napiEnv.GetAndClearPendingException().Value());
  }
}

void JsThread::finalise(napi_env, void* data, void*) {
  auto* self = static_cast<std::shared_ptr<JsThread>*>(data);
  std::vector<Task> dropped;
  {
    const std::lock_guard lock((*self)->mutex_);
    (*self)->function_ = nullptr;
    dropped.swap((*self)->tasks_);
  }
  dropped.clear();
  delete self;
}

}  // namespace hearth::face
