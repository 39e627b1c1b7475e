#include "face/lease_object.h"

#include <fcntl.h>

namespace hearth::face {

Napi::Function LeaseObject::define(Napi::Env env) {
  return DefineClass(env, "NativeLease",
                     {
                         InstanceAccessor<&LeaseObject::Path>("path"),
                         InstanceAccessor<&LeaseObject::Descriptor>("fd"),
                         InstanceMethod("release", &LeaseObject::Release),
                     });
}

LeaseObject::LeaseObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LeaseObject>(info) {}

std::optional<store::Lease> LeaseObject::share() const {
  store::Fd copy(lease_.fd ? fcntl(lease_.fd.get(), F_DUPFD_CLOEXEC, 0) : -1);
  if (!copy) return std::nullopt;
  return store::Lease{std::move(copy), lease_.path};
}

Napi::Value LeaseObject::Path(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), lease_.path);
}

Napi::Value LeaseObject::Descriptor(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), lease_.fd.get());
}

Napi::Value LeaseObject::Release(const Napi::CallbackInfo& info) {
  store::Fd(lease_.fd.release());
  return info.Env().Undefined();
}

}  // namespace hearth::face
