#include "overrides/upload/ring_store.h"

#include <utility>

namespace hearth::upload {

RingStore& RingStore::instance() {
  static auto* store = new RingStore;
  return *store;
}

void RingStore::prepare() {
  // The registry is another library's, libggml; it is open by now.
  static const auto count = reinterpret_cast<decltype(&ggml_backend_dev_count)>(ggmlFunction("ggml_backend_dev_count"));
  static const auto get = reinterpret_cast<decltype(&ggml_backend_dev_get)>(ggmlFunction("ggml_backend_dev_get"));
  const std::lock_guard lock(mutex_);
  for (size_t index = 0; waiting_ == nullptr && index < count(); ++index) {
    ggml_backend_dev_t device = get(index);
    if (ggml().ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_GPU) continue;
    const char* reason = nullptr;
    waiting_ = Ring::open(device, shapeForThisMachine(), reason);
  }
}

std::unique_ptr<Ring> RingStore::take(ggml_backend_dev_t device) {
  std::unique_ptr<Ring> ring;
  {
    const std::lock_guard lock(mutex_);
    ring = std::move(waiting_);
  }
  return ring != nullptr && ring->device() == device ? std::move(ring) : nullptr;
}

void RingStore::put(std::unique_ptr<Ring> ring) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.swap(ring);
  }
  // What was there goes here, where nobody waits for the lock.
}

void RingStore::release() { put(nullptr); }

}  // namespace hearth::upload
