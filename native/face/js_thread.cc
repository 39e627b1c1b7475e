#include "face/js_thread.h"

#include <utility>

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
  {
    const std::lock_guard lock(tasksMutex_);
    if (closed_) return;
    tasks_.push_back(std::move(task));
    if (std::exchange(scheduled_, true)) return;
  }
  schedule();
}

void JsThread::schedule() {
  const std::lock_guard lock(functionMutex_);
  if (function_ == nullptr) return;
  if (napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking) == napi_ok) return;
  const std::lock_guard tasksLock(tasksMutex_);
  scheduled_ = false;
}

void JsThread::close() {
  napi_threadsafe_function function = nullptr;
  {
    const std::lock_guard lock(functionMutex_);
    std::swap(function, function_);
  }
  drop();
  if (function != nullptr) napi_release_threadsafe_function(function, napi_tsfn_release);
}

/** Nothing is taken any more, and what waits goes without the lock: what a task holds may post when it does. */
void JsThread::drop() {
  std::vector<Task> dropped;
  const std::lock_guard lock(tasksMutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

void JsThread::call(napi_env env, napi_value, void* context, void*) {
  if (env == nullptr) return;
  const auto self = static_cast<JsThread*>(context)->shared_from_this();
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(self->tasksMutex_);
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
  {
    const std::lock_guard lock((*self)->functionMutex_);
    (*self)->function_ = nullptr;
  }
  (*self)->drop();
  delete self;
}

}  // namespace hearth::face
