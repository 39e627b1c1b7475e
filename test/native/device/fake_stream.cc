#include "fake_stream.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace fake {
namespace {

struct Event {
  std::mutex mutex;
  Stream* stream = nullptr;
  uint64_t mark = 0;
};

std::mutex& registryMutex() {
  static std::mutex mutex;
  return mutex;
}

std::vector<Stream*>& registry() {
  static std::vector<Stream*> streams;
  return streams;
}

Stream& of(ggml_backend_t backend) { return *static_cast<Stream*>(backend->context); }

const char* nameOf(ggml_backend_t backend) { return of(backend).device.name; }

void destroy(ggml_backend_t backend) {
  delete &of(backend);
  delete backend;
}

void setAsync(ggml_backend_t backend, ggml_tensor* tensor, const void* data, size_t offset, size_t size) {
  of(backend).copy(static_cast<char*>(tensor->data) + offset, data, size);
}

void synchronize(ggml_backend_t backend) { of(backend).finish(of(backend).mark()); }

void getAsync(ggml_backend_t backend, const ggml_tensor* tensor, void* data, size_t offset, size_t size) {
  synchronize(backend);
  std::memcpy(data, static_cast<const char*>(tensor->data) + offset, size);
}

/** With one thread: ggml's spin. */
ggml_backend_t computerOf(ggml_backend_dev_t host) {
  ggml_backend_t made = host->iface.init_backend(host, nullptr);
  void* found = host->reg->iface.get_proc_address(host->reg, "ggml_backend_set_n_threads");
  reinterpret_cast<ggml_backend_set_n_threads_t>(found)(made, 1);
  return made;
}

/** In order: after the copies that this stream was told before, but not after those of others. */
ggml_status compute(ggml_backend_t backend, ggml_cgraph* graph) {
  synchronize(backend);
  Stream& stream = of(backend);
  const std::string& failsWhile = stream.device.behaviour.failsWhile;
  if (!failsWhile.empty() && std::filesystem::exists(failsWhile)) return GGML_STATUS_FAILED;
  if (stream.computer == nullptr) stream.computer = computerOf(stream.device.host);
  return stream.computer->iface.graph_compute(stream.computer, graph);
}

void waitForEvent(ggml_backend_t backend, ggml_backend_event_t event) {
  synchronize(backend);
  Stream::waitFor(nullptr, event);
}

void record(ggml_backend_t backend, ggml_backend_event_t handle) {
  auto* event = static_cast<Event*>(handle->context);
  const std::lock_guard lock(event->mutex);
  event->stream = &of(backend);
  event->mark = of(backend).mark();
}

}  // namespace

ggml_backend_t Stream::make(Device& device) {
  ggml_backend_i functions{};
  functions.get_name = nameOf;
  functions.free = destroy;
  functions.set_tensor_async = setAsync;
  functions.synchronize = synchronize;
  functions.get_tensor_async = getAsync;
  functions.graph_compute = compute;
  functions.event_record = record;
  functions.event_wait = waitForEvent;
  static uint8_t guid[16] = {'f', 'a', 'k', 'e'};
  return new ggml_backend{&guid, functions, device.handle(), new Stream(device)};
}

ggml_backend_event_t Stream::makeEvent(Device& device) {
  device.counts.events.fetch_add(1);
  return new ggml_backend_event{device.handle(), new Event};
}

void Stream::freeEvent(ggml_backend_dev_t device, ggml_backend_event_t event) {
  static_cast<Device*>(device->context)->counts.events.fetch_sub(1);
  delete static_cast<Event*>(event->context);
  delete event;
}

void Stream::waitFor(ggml_backend_dev_t, ggml_backend_event_t handle) {
  auto* event = static_cast<Event*>(handle->context);
  const std::lock_guard lock(event->mutex);
  if (event->stream != nullptr) event->stream->finish(event->mark);
}

Stream::Stream(Device& owner) : device(owner) {
  device.counts.streams.fetch_add(1);
  const std::lock_guard lock(registryMutex());
  registry().push_back(this);
}

Stream::~Stream() {
  if (computer != nullptr) computer->iface.free(computer);
  device.counts.streams.fetch_sub(1);
  const std::lock_guard lock(registryMutex());
  std::erase(registry(), this);
}

bool Stream::anyUses(const void* memory, size_t bytes) {
  const auto* first = static_cast<const char*>(memory);
  const std::lock_guard lock(registryMutex());
  return std::ranges::any_of(registry(), [&](Stream* stream) {
    const std::lock_guard streamLock(stream->mutex_);
    return std::ranges::any_of(stream->waiting_, [&](const Copy& copy) {
      const auto touches = [&](const char* at) { return at < first + bytes && first < at + copy.bytes; };
      return touches(copy.to) || touches(static_cast<const char*>(copy.from));
    });
  });
}

void Stream::copy(char* to, const void* from, size_t bytes) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back({to, from, bytes, device.counts.toldCopies.fetch_add(1)});
  ++told_;
}

uint64_t Stream::mark() {
  const std::lock_guard lock(mutex_);
  return told_;
}

void Stream::finish(uint64_t mark) {
  const std::lock_guard lock(mutex_);
  for (; done_ < mark; ++done_) {
    const Copy copy = waiting_.front();
    waiting_.pop_front();
    std::memcpy(copy.to, copy.from, copy.bytes);
    if (copy.number == device.behaviour.spoiledCopy.load()) copy.to[copy.bytes / 2] ^= 1;
    device.counts.doneCopies.fetch_add(1);
  }
}

}  // namespace fake
