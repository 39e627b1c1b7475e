#pragma once

#include <napi.h>

#include <memory>

#include "core/store/stage.h"
#include "face/lease_object.h"
#include "face/store_jobs.h"

namespace hearth::face {

/** What the store's addon has in an environment. */
struct StoreAddonData {
  explicit StoreAddonData(Napi::Env env);

  Napi::FunctionReference storeClass;
  Napi::FunctionReference leaseClass;
  StoreJobs jobs;
};

/** NativeStore of storeTypes.ts. */
class StoreObject : public Napi::ObjectWrap<StoreObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit StoreObject(const Napi::CallbackInfo& info);

 private:
  /** What the threads need; it outlives the JavaScript object. */
  struct Host {
    store::Store store;
    store::RateCap prefetchCap;
  };

  Napi::Value Lookup(const Napi::CallbackInfo& info);
  Napi::Value Acquire(const Napi::CallbackInfo& info);
  Napi::Value Stage(const Napi::CallbackInfo& info);
  Napi::Value SetPrefetchCap(const Napi::CallbackInfo& info);
  Napi::Value Evict(const Napi::CallbackInfo& info);
  Napi::Value Collapse(const Napi::CallbackInfo& info);
  Napi::Value List(const Napi::CallbackInfo& info);
  Napi::Value Usage(const Napi::CallbackInfo& info);
  Napi::Value Sweep(const Napi::CallbackInfo& info);

  std::shared_ptr<Host> host_;
};

}  // namespace hearth::face
