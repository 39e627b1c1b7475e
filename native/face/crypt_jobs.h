#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>

#include "core/crypt/transfer.h"
#include "core/failure.h"
#include "face/js_thread.h"

namespace hearth::face {

/** The jobs of one environment that are under way. JavaScript thread, but for the work itself. */
class CryptJobs {
 public:
  using Work = std::function<crypt::ContainerInfo(crypt::Progress&)>;

  /** Ends all of them at the `exit` event of `process`: exit() would destroy what their threads still use. */
  explicit CryptJobs(Napi::Env env);

  /**
   * Begins `work` on a thread of its own and returns a CryptJob. `action` begins the message of its failure, such as
   * `Cannot encrypt "a.gguf"`.
   */
  Napi::Object start(Napi::Env env, std::string action, Work work);

 private:
  struct Job {
    crypt::Progress progress;
    std::shared_ptr<JsThread> jsThread;
    std::thread thread;

    /** Cancels, and waits for the thread. Idempotent. */
    void end();
  };
  using Result = Outcome<crypt::ContainerInfo>;

  void finish(Napi::Env env, const std::shared_ptr<Job>& job, const Napi::Promise::Deferred& deferred,
              const Result& result);
  void endAll();
  static void onTearDown(void* job);

  std::unordered_set<std::shared_ptr<Job>> jobs_;
};

/** An Error with a `code`: CryptError of cryptTypes.ts. */
Napi::Error cryptError(Napi::Env env, const Failure& failure);

}  // namespace hearth::face
