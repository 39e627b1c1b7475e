#include "face/store_object.h"

#include "face/store_values.h"

namespace hearth::face {
namespace {

StoreAddonData& dataOf(Napi::Env env) { return *env.GetInstanceData<StoreAddonData>(); }

Napi::Object newLease(Napi::Env env, store::Lease lease) {
  const Napi::Object object = dataOf(env).leaseClass.New({});
  LeaseObject::Unwrap(object)->hold(std::move(lease));
  return object;
}

/** What a call gets: a book and an id or key. Throws into JavaScript when it does not. */
struct Named {
  Named(const Napi::CallbackInfo& info, const char* action) {
    book = readBook(info[0], good);
    good = good && info[1].IsString();
    if (good) id = info[1].As<Napi::String>().Utf8Value();
    else refuseArgument(info.Env(), std::string("Cannot ") + action + ": expected a book and an id");
  }

  bool good = false;
  store::Book book;
  std::string id;
};

/** A path, or a lease of this addon; what else there is stays with `request` as it was and is a problem. */
void readSource(Napi::Env env, Reader& reader, store::StageRequest& request) {
  const Napi::Value source = reader.get("source");
  if (reader.failed()) return;
  if (source.IsString()) {
    request.source = source.As<Napi::String>().Utf8Value();
    return;
  }
  const bool isLease =
      source.IsObject() && source.As<Napi::Object>().InstanceOf(dataOf(env).leaseClass.Value());
  auto lease = isLease ? LeaseObject::Unwrap(source.As<Napi::Object>())->share() : std::nullopt;
  if (lease) request.source = std::move(*lease);
  else reader.fail("source", "a path or a lease that is not released");
}

}  // namespace

StoreAddonData::StoreAddonData(Napi::Env env)
    : storeClass(Napi::Persistent(StoreObject::define(env))),
      leaseClass(Napi::Persistent(LeaseObject::define(env))),
      jobs(env) {}

Napi::Function StoreObject::define(Napi::Env env) {
  return DefineClass(env, "NativeStore",
                     {
                         InstanceMethod("lookup", &StoreObject::Lookup),
                         InstanceMethod("acquire", &StoreObject::Acquire),
                         InstanceMethod("stage", &StoreObject::Stage),
                         InstanceMethod("setPrefetchCap", &StoreObject::SetPrefetchCap),
                         InstanceMethod("evict", &StoreObject::Evict),
                         InstanceMethod("collapse", &StoreObject::Collapse),
                         InstanceMethod("list", &StoreObject::List),
                         InstanceMethod("usage", &StoreObject::Usage),
                         InstanceMethod("sweep", &StoreObject::Sweep),
                     });
}

StoreObject::StoreObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StoreObject>(info) {
  Napi::Env env = info.Env();
  Reader reader(info[0]);
  const std::string root = reader.text("root");
  const bool durable = reader.flag("durable");
  if (reader.failed()) {
    refuseArgument(env, "Cannot open a store: " + reader.problem());
    return;
  }
  auto opened = store::storeOutcomeOf([&] { return store::Store::open(root, durable); });
  if (const auto* failure = std::get_if<store::StoreFailure>(&opened)) {
    storeError(env, *failure).ThrowAsJavaScriptException();
    return;
  }
  host_ = std::shared_ptr<Host>(new Host{std::move(std::get<store::Store>(opened)), {}});
}

Napi::Value StoreObject::Lookup(const Napi::CallbackInfo& info) {
  const Named named(info, "look up a source");
  if (!named.good) return info.Env().Undefined();
  const auto id = host_->store.lookup(named.book, named.id);
  return id ? Napi::String::New(info.Env(), *id) : info.Env().Null();
}

Napi::Value StoreObject::Acquire(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Named named(info, "acquire a segment");
  if (!named.good) return env.Undefined();
  auto outcome = store::storeOutcomeOf([&] { return host_->store.acquire(named.book, named.id); });
  if (const auto* failure = std::get_if<store::StoreFailure>(&outcome)) {
    storeError(env, *failure).ThrowAsJavaScriptException();
    return env.Undefined();
  }
  auto& lease = std::get<0>(outcome);
  return lease ? Napi::Value(newLease(env, std::move(*lease))) : env.Null();
}

Napi::Value StoreObject::Stage(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Reader reader(info[0]);
  const auto request = std::make_shared<store::StageRequest>(readStageRequest(reader));
  readSource(env, reader, *request);
  if (reader.failed()) {
    refuseArgument(env, "Cannot stage a source: " + reader.problem());
    return env.Undefined();
  }
  const auto started = dataOf(env).jobs.start(
      env,
      [host = host_, request](StoreJobs::Job& job) -> StoreJobs::Write {
        const auto onProgress = [&job](const store::StageProgress& told) {
          job.jsThread->post([&job, told](Napi::Env taskEnv) {
            if (!job.onProgress.IsEmpty()) job.onProgress.Call({write(taskEnv, told)});
          });
        };
        const auto report = std::make_shared<store::StageReport>(
            store::stage(host->store, std::move(*request), host->prefetchCap, job.steering, onProgress));
        return [report](Napi::Env taskEnv) {
          Napi::Object object = write(taskEnv, *report);
          object.Set("lease", newLease(taskEnv, std::move(report->lease)));
          return object;
        };
      },
      info[1]);
  Napi::Object object = Napi::Object::New(env);
  object.Set("done", started.promise);
  object.Set("cancel", Napi::Function::New(env, [job = started.job](const Napi::CallbackInfo&) { job->steering.cancel(); }));
  object.Set("hurry", Napi::Function::New(env, [job = started.job](const Napi::CallbackInfo&) { job->steering.hurry(); }));
  return object;
}

Napi::Value StoreObject::SetPrefetchCap(const Napi::CallbackInfo& info) {
  const Napi::Value value = info[0];
  const double rate = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (value.IsNull()) host_->prefetchCap.set(std::nullopt);
  else if (rate >= 1) host_->prefetchCap.set(rate);
  else refuseArgument(info.Env(), "Cannot cap prefetching: expected bytes a second or null");
  return info.Env().Undefined();
}

Napi::Value StoreObject::Evict(const Napi::CallbackInfo& info) {
  const Named named(info, "evict a segment");
  if (!named.good) return info.Env().Undefined();
  return dataOf(info.Env())
      .jobs
      .start(info.Env(),
             [host = host_, book = named.book, id = named.id](StoreJobs::Job&) -> StoreJobs::Write {
               const store::EvictReport report = host->store.evict(book, id);
               return [report](Napi::Env env) { return write(env, report); };
             })
      .promise;
}

Napi::Value StoreObject::Collapse(const Napi::CallbackInfo& info) {
  const Named named(info, "collapse a segment");
  if (!named.good) return info.Env().Undefined();
  return dataOf(info.Env())
      .jobs
      .start(info.Env(),
             [host = host_, book = named.book, id = named.id](StoreJobs::Job& job) -> StoreJobs::Write {
               const store::CollapseReport report = store::collapse(host->store, book, id, job.steering);
               return [report](Napi::Env env) { return write(env, report); };
             })
      .promise;
}

Napi::Value StoreObject::List(const Napi::CallbackInfo& info) {
  return dataOf(info.Env())
      .jobs
      .start(info.Env(),
             [host = host_](StoreJobs::Job&) -> StoreJobs::Write {
               return [segments = host->store.list()](Napi::Env env) { return write(env, segments); };
             })
      .promise;
}

Napi::Value StoreObject::Usage(const Napi::CallbackInfo& info) {
  return dataOf(info.Env())
      .jobs
      .start(info.Env(),
             [host = host_](StoreJobs::Job&) -> StoreJobs::Write {
               return [bases = host->store.usage(store::Book::bases),
                       adapters = host->store.usage(store::Book::adapters),
                       free = host->store.freeBytes()](Napi::Env env) {
                 Napi::Object object = Napi::Object::New(env);
                 object.Set("bases", write(env, bases));
                 object.Set("adapters", write(env, adapters));
                 object.Set("freeBytes", static_cast<double>(free));
                 return object;
               };
             })
      .promise;
}

Napi::Value StoreObject::Sweep(const Napi::CallbackInfo& info) {
  return dataOf(info.Env())
      .jobs
      .start(info.Env(),
             [host = host_](StoreJobs::Job&) -> StoreJobs::Write {
               const store::SweepReport report = host->store.sweep();
               return [report](Napi::Env env) { return write(env, report); };
             })
      .promise;
}

}  // namespace hearth::face
