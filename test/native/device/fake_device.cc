#include "fake_device.h"

#include <cstdlib>
#include <cstring>

#include "fake_stream.h"

namespace fake {
namespace {

constexpr size_t kAlignment = 128;

Device& of(ggml_backend_dev_t device) { return *static_cast<Device*>(device->context); }
Device& of(ggml_backend_buffer_type_t type) { return *static_cast<Device*>(type->context); }

/** Counts down; false when this is the call that fails. */
bool grants(std::atomic<int>& left) {
  int now = left.load();
  while (now > 0 && !left.compare_exchange_weak(now, now - 1)) continue;
  return now != 0;
}

void freeMemory(ggml_backend_buffer_t buffer) {
  Device& device = of(buffer->buft);
  if (buffer->buft == &device.pinned) device.counts.pinnedBuffers.fetch_sub(1);
  if (Stream::anyUses(buffer->context, buffer->size)) device.counts.freedEarly.fetch_add(1);
  std::free(buffer->context);
}

void* baseOf(ggml_backend_buffer_t buffer) { return buffer->context; }

void memset(ggml_backend_buffer_t, ggml_tensor* tensor, uint8_t value, size_t offset, size_t size) {
  std::memset(static_cast<char*>(tensor->data) + offset, value, size);
}

void set(ggml_backend_buffer_t buffer, ggml_tensor* tensor, const void* data, size_t offset, size_t size) {
  of(buffer->buft).counts.plainSets.fetch_add(1);
  std::memcpy(static_cast<char*>(tensor->data) + offset, data, size);
}

void get(ggml_backend_buffer_t, const ggml_tensor* tensor, void* data, size_t offset, size_t size) {
  std::memcpy(data, static_cast<const char*>(tensor->data) + offset, size);
}

void clear(ggml_backend_buffer_t buffer, uint8_t value) {
  std::memset(buffer->context, value, buffer->size);
}

ggml_backend_buffer_t allocate(ggml_backend_buffer_type_t type, size_t size) {
  Device& device = of(type);
  if (type == &device.pinned) {
    if (!grants(device.behaviour.pinnedBuffers)) return nullptr;
    device.counts.pinnedBuffers.fetch_add(1);
  }
  void* memory = std::aligned_alloc(kAlignment, (size + kAlignment) / kAlignment * kAlignment);
  const ggml_backend_buffer_i functions{freeMemory, baseOf, nullptr, memset, set,    get,
                                        nullptr,    nullptr, nullptr, clear,  nullptr};
  // ggml frees it with delete.
  return new ggml_backend_buffer{functions, type, memory, size, GGML_BACKEND_BUFFER_USAGE_ANY};
}

const char* memoryName(ggml_backend_buffer_type_t type) { return of(type).name; }
size_t alignment(ggml_backend_buffer_type_t) { return kAlignment; }
bool yes(ggml_backend_buffer_type_t) { return true; }
bool no(ggml_backend_buffer_type_t) { return false; }

ggml_backend_buffer_type memoryType(Device& device, bool (*isHost)(ggml_backend_buffer_type_t)) {
  return {{memoryName, allocate, alignment, nullptr, nullptr, isHost}, &device.device, &device};
}

const char* nameOf(ggml_backend_dev_t device) { return of(device).name; }
void sizes(ggml_backend_dev_t, size_t* free, size_t* total) { *free = *total = size_t{8} << 30; }
enum ggml_backend_dev_type kind(ggml_backend_dev_t) { return GGML_BACKEND_DEVICE_TYPE_GPU; }

void properties(ggml_backend_dev_t device, ggml_backend_dev_props* props) {
  const Behaviour& behaviour = of(device).behaviour;
  *props = {};
  props->name = props->description = nameOf(device);
  props->device_id = "0000:3b:00.0";
  sizes(device, &props->memory_free, &props->memory_total);
  props->type = kind(device);
  props->caps = {behaviour.async, behaviour.hostBuffer, false, behaviour.events, true};
}

ggml_backend_t stream(ggml_backend_dev_t device, const char*) {
  return grants(of(device).behaviour.streams) ? Stream::make(of(device)) : nullptr;
}

ggml_backend_buffer_type_t memoryOf(ggml_backend_dev_t device) { return &of(device).memory; }
ggml_backend_buffer_type_t pinnedOf(ggml_backend_dev_t device) {
  return of(device).behaviour.hostBuffer ? &of(device).pinned : nullptr;
}

ggml_backend_event_t event(ggml_backend_dev_t device) {
  return grants(of(device).behaviour.eventsLeft) ? Stream::makeEvent(of(device)) : nullptr;
}

bool computes(ggml_backend_dev_t device, const ggml_tensor* operation) {
  ggml_backend_dev_t host = of(device).host;
  return host != nullptr && host->iface.supports_op(host, operation);
}
bool isOwn(ggml_backend_dev_t device, ggml_backend_buffer_type_t type) { return type == &of(device).memory; }

}  // namespace

Device::Device(const char* deviceName)
    : name(deviceName),
      device{{nameOf, nameOf, sizes, kind, properties, stream, memoryOf, pinnedOf, nullptr, computes, isOwn,
              nullptr, event, Stream::freeEvent, Stream::waitFor},
             nullptr,
             this},
      memory(memoryType(*this, no)),
      pinned(memoryType(*this, yes)),
      packed(memoryType(*this, no)) {}

void Device::computeBy(ggml_backend_dev_t computer) { host = computer; }

}  // namespace fake
