#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace hearth::face {

/**
 * Brings calls from native threads to the JavaScript thread, in order, through one thread-safe function.
 * Calls that come while one is on its way ride along.
 */
class JsThread : public std::enable_shared_from_this<JsThread> {
 public:
  using Task = std::function<void(Napi::Env)>;

  /** `keepsAlive`: the process does not end by itself until close(). JavaScript thread. */
  static std::shared_ptr<JsThread> make(Napi::Env env, const char* name, bool keepsAlive);

  /** Any thread. Dropped after close(). */
  void post(Task task);
  /** JavaScript thread; idempotent. */
  void close();

 private:
  static void call(napi_env env, napi_value, void* context, void*);
  static void finalise(napi_env, void* data, void*);

  void schedule();
  void drop();

  /** Held while the event loop is woken, so never where that thread takes the tasks: on the same core it goes ahead
   * of whoever wakes it, and would have to wait for the lock. Taken before tasksMutex_ where both are. */
  std::mutex functionMutex_;
  napi_threadsafe_function function_ = nullptr;
  std::mutex tasksMutex_;
  bool scheduled_ = false;
  bool closed_ = false;
  std::vector<Task> tasks_;
};

}  // namespace hearth::face
