#pragma once

#include <napi.h>

#include "core/store/lease.h"

namespace hearth::face {

/** NativeLease of storeTypes.ts. */
class LeaseObject : public Napi::ObjectWrap<LeaseObject> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit LeaseObject(const Napi::CallbackInfo& info);

  void hold(store::Lease lease) { lease_ = std::move(lease); }
  /** Another lease of the same segment; none when it was released. */
  std::optional<store::Lease> share() const;

 private:
  Napi::Value Path(const Napi::CallbackInfo& info);
  Napi::Value Descriptor(const Napi::CallbackInfo& info);
  Napi::Value Release(const Napi::CallbackInfo& info);

  store::Lease lease_;
};

}  // namespace hearth::face
