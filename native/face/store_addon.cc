#include <napi.h>

#include "face/store_object.h"
#include "face/store_values.h"

namespace hearth::face {
namespace {

/** STORE_ADDON_VERSION of storeTypes.ts. */
constexpr int kAddonVersion = 3;

StoreAddonData& dataOf(Napi::Env env) { return *env.GetInstanceData<StoreAddonData>(); }

Napi::Value OpenStore(const Napi::CallbackInfo& info) { return dataOf(info.Env()).storeClass.New({info[0]}); }

Napi::Value DescribeSource(const Napi::CallbackInfo& info) {
  const std::string path = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : "";
  const std::string digest = info[1].IsString() ? info[1].As<Napi::String>().Utf8Value() : "";
  if (path.empty() || (!digest.empty() && !store::parseDigest(digest))) {
    refuseArgument(info.Env(), "Cannot describe a source: expected a path and a digest or none");
    return info.Env().Undefined();
  }
  return dataOf(info.Env())
      .jobs
      .start(info.Env(),
             [path, digest](StoreJobs::Job&) -> StoreJobs::Write {
               store::Source source = store::describeSource(path);
               store::SourceSeal seal = store::sealOf(source);
               return [source = std::move(source), seal = std::move(seal), digest](Napi::Env env) {
                 return write(env, source, seal, digest);
               };
             })
      .promise;
}

Napi::Value RawRead(const Napi::CallbackInfo& info) {
  const int threads = info[1].IsNumber() ? info[1].As<Napi::Number>().Int32Value() : 0;
  const bool hasTarget = info[2].IsString();
  if (!info[0].IsString() || threads < 1 || threads > 64 || (!hasTarget && !info[2].IsNull())) {
    refuseArgument(info.Env(), "Cannot read a file: expected its path, 1 to 64 threads and a target or null");
    return info.Env().Undefined();
  }
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  std::optional<std::string> into;
  if (hasTarget) into = info[2].As<Napi::String>().Utf8Value();
  return dataOf(info.Env())
      .jobs
      .start(info.Env(),
             [path, threads, into](StoreJobs::Job&) -> StoreJobs::Write {
               const store::RawRead read = store::rawRead(path, threads, into);
               return [read](Napi::Env env) { return write(env, read); };
             })
      .promise;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new StoreAddonData(env));
  exports.Set("addonVersion", kAddonVersion);
  exports.Set("openStore", Napi::Function::New(env, OpenStore, "openStore"));
  exports.Set("describeSource", Napi::Function::New(env, DescribeSource, "describeSource"));
  exports.Set("rawRead", Napi::Function::New(env, RawRead, "rawRead"));
  return exports;
}

NODE_API_MODULE(hearth_store, Init)

}  // namespace
}  // namespace hearth::face
