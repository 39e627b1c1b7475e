#include "face/store_jobs.h"

#include <system_error>

#include "face/store_values.h"

namespace hearth::face {

StoreJobs::StoreJobs(Napi::Env env) {
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  const auto onExit = Napi::Function::New(env, [this](const Napi::CallbackInfo&) {
    for (const auto& job : jobs_) job->end();
  });
  process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), onExit});
}

StoreJobs::Started StoreJobs::start(Napi::Env env, Work work, Napi::Value onProgress) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  const auto job = std::make_shared<Job>();
  job->jsThread = JsThread::make(env, "hearth-store", true);
  if (!onProgress.IsEmpty() && onProgress.IsFunction())
    job->onProgress = Napi::Persistent(onProgress.As<Napi::Function>());
  try {
    job->thread = std::thread([this, job = job.get(), deferred, work = std::move(work)] {
      Result result = store::storeOutcomeOf([&] { return work(*job); });
      job->jsThread->post([this, job, deferred, result = std::move(result)](Napi::Env taskEnv) {
        for (const auto& each : jobs_)
          if (each.get() == job) return finish(taskEnv, std::shared_ptr<Job>(each), deferred, result);
      });
    });
  } catch (const std::system_error& error) {
    job->jsThread->close();
    deferred.Reject(storeError(env, store::StoreFailure("out_of_memory", error.what())).Value());
    return {job, deferred.Promise()};
  }
  jobs_.insert(job);
  // A worker's environment is torn down with hooks, and this one was added after the thread-safe function's, so that
  // it runs before that goes.
  napi_add_env_cleanup_hook(env, onTearDown, job.get());
  return {job, deferred.Promise()};
}

void StoreJobs::finish(Napi::Env env, const std::shared_ptr<Job>& job, const Napi::Promise::Deferred& deferred,
                       const Result& result) {
  napi_remove_env_cleanup_hook(env, onTearDown, job.get());
  job->end();
  jobs_.erase(job);
  if (const auto* failure = std::get_if<store::StoreFailure>(&result))
    deferred.Reject(storeError(env, *failure).Value());
  else deferred.Resolve(std::get<Write>(result)(env));
}

void StoreJobs::Job::end() {
  steering.cancel();
  if (thread.joinable()) thread.join();
  jsThread->close();
  onProgress.Reset();
}

void StoreJobs::onTearDown(void* job) { static_cast<Job*>(job)->end(); }

}  // namespace hearth::face
