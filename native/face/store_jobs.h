#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <thread>
#include <unordered_set>

#include "core/store/steering.h"
#include "face/js_thread.h"

namespace hearth::face {

/** Blocking work of the store, each on a thread of its own. JavaScript thread, but for the work itself. */
class StoreJobs {
 public:
  /** Makes the JavaScript value of a result. */
  using Write = std::function<Napi::Value(Napi::Env)>;

  struct Job {
    store::Steering steering;
    std::shared_ptr<JsThread> jsThread;
    std::thread thread;
    /** Called with progress; empty without. */
    Napi::FunctionReference onProgress;

    /** Cancels, and waits for the thread. Idempotent. */
    void end();
  };
  /** Throws a StoreFailure. The job outlives it. */
  using Work = std::function<Write(Job&)>;

  struct Started {
    std::shared_ptr<Job> job;
    Napi::Promise promise;
  };

  /** Ends all of them at the `exit` event of `process`: exit() would destroy what their threads still use. */
  explicit StoreJobs(Napi::Env env);

  Started start(Napi::Env env, Work work, Napi::Value onProgress = {});

 private:
  using Result = store::StoreOutcome<Write>;

  void finish(Napi::Env env, const std::shared_ptr<Job>& job, const Napi::Promise::Deferred& deferred,
              const Result& result);
  static void onTearDown(void* job);

  std::unordered_set<std::shared_ptr<Job>> jobs_;
};

}  // namespace hearth::face
