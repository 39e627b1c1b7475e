#include "face/crypt_jobs.h"

#include <system_error>

namespace hearth::face {
namespace {

Napi::Object write(Napi::Env env, const crypt::ContainerInfo& info) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("plaintextBytes", static_cast<double>(info.plaintextBytes));
  object.Set("containerBytes", static_cast<double>(info.containerBytes));
  object.Set("keyName", info.keyName);
  return object;
}

Napi::Object write(Napi::Env env, const crypt::Progress& progress) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("doneBytes", static_cast<double>(progress.doneBytes));
  object.Set("totalBytes", static_cast<double>(progress.totalBytes));
  return object;
}

}  // namespace

Napi::Error cryptError(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

CryptJobs::CryptJobs(Napi::Env env) {
  const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
  const auto onExit = Napi::Function::New(env, [this](const Napi::CallbackInfo&) { endAll(); });
  process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), onExit});
}

Napi::Object CryptJobs::start(Napi::Env env, std::string action, Work work) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  const auto job = std::make_shared<Job>();
  job->jsThread = JsThread::make(env, "hearth-crypt", true);
  Napi::Object object = Napi::Object::New(env);
  object.Set("done", deferred.Promise());
  object.Set("progress", Napi::Function::New(env, [job](const Napi::CallbackInfo& info) {
               return write(info.Env(), job->progress);
             }));
  object.Set("cancel",
             Napi::Function::New(env, [job](const Napi::CallbackInfo&) { job->progress.cancelled = true; }));
  try {
    job->thread = std::thread([this, job, deferred, action = std::move(action), work = std::move(work)] {
      Result result = outcomeOf("io_failed", [&] { return work(job->progress); });
      if (auto* failure = std::get_if<Failure>(&result))
        result = Failure(failure->code, action + ": " + failure->what());
      job->jsThread->post([this, job, deferred, result = std::move(result)](Napi::Env taskEnv) {
        finish(taskEnv, job, deferred, result);
      });
    });
  } catch (const std::system_error& error) {
    job->jsThread->close();
    deferred.Reject(cryptError(env, Failure("out_of_memory", error.what())).Value());
    return object;
  }
  jobs_.insert(job);
  // A worker's environment is torn down with hooks, and this one was added after the thread-safe function's, so that
  // it runs before that goes.
  napi_add_env_cleanup_hook(env, onTearDown, job.get());
  return object;
}

void CryptJobs::finish(Napi::Env env, const std::shared_ptr<Job>& job,
                       const Napi::Promise::Deferred& deferred, const Result& result) {
  napi_remove_env_cleanup_hook(env, onTearDown, job.get());
  job->end();
  jobs_.erase(job);
  if (const auto* failure = std::get_if<Failure>(&result)) deferred.Reject(cryptError(env, *failure).Value());
  else deferred.Resolve(write(env, std::get<crypt::ContainerInfo>(result)));
}

void CryptJobs::Job::end() {
  progress.cancelled = true;
  if (thread.joinable()) thread.join();
  jsThread->close();
}

void CryptJobs::endAll() {
  for (const auto& job : jobs_) job->end();
}

void CryptJobs::onTearDown(void* job) { static_cast<Job*>(job)->end(); }

}  // namespace hearth::face
