#include "overrides/upload/session.h"

#include <algorithm>
#include <cstring>

#include "core/upload/digest.h"
#include "overrides/upload/ring_store.h"

namespace hearth::upload {
namespace {

using Clock = std::chrono::steady_clock;

/** Below, one plain copy costs less than waking the threads. */
constexpr size_t kLeastBytes = size_t{256} << 10;
/** Pieces of what took the plain path; a slot of the ring holds one. */
constexpr size_t kPlainPieceBytes = size_t{1} << 20;

class Stopwatch {
 public:
  explicit Stopwatch(double& milliseconds) : milliseconds_(milliseconds) {}
  ~Stopwatch() {
    milliseconds_ += std::chrono::duration<double, std::milli>(Clock::now() - startedAt_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& milliseconds_;
  const Clock::time_point startedAt_ = Clock::now();
};

ggml_backend_buffer_t bufferOf(const ggml_tensor* tensor) {
  return tensor->view_src != nullptr ? tensor->view_src->buffer : tensor->buffer;
}

/**
 * The device whose own memory the tensor is in, or null: host memory, buffers of several devices and types that store what
 * they get in another form have no stream that one could copy to.
 */
ggml_backend_dev_t deviceOf(const ggml_tensor* tensor) {
  ggml_backend_buffer_t buffer = bufferOf(tensor);
  if (buffer == nullptr || ggml().ggml_backend_buffer_is_host(buffer)) return nullptr;
  ggml_backend_buffer_type_t type = ggml().ggml_backend_buffer_get_type(buffer);
  ggml_backend_dev_t device = ggml().ggml_backend_buft_get_device(type);
  if (device == nullptr || ggml().ggml_backend_dev_type(device) != GGML_BACKEND_DEVICE_TYPE_GPU) return nullptr;
  return ggml().ggml_backend_dev_buffer_type(device) == type ? device : nullptr;
}

/** Inside the tensor: anything else is for ggml's own function to refuse. */
bool isInside(const ggml_tensor* tensor, size_t offset, size_t bytes) {
  const size_t all = ggml().ggml_nbytes(tensor);
  return tensor->data != nullptr && bytes <= all && offset <= all - bytes;
}

/** For what takes the plain path: that is read back, too. */
void addPieces(std::vector<Piece>& pieces, const ggml_tensor* tensor, const void* data, size_t offset,
               size_t bytes) {
  for (size_t at = 0; at < bytes; at += kPlainPieceBytes) {
    const size_t part = std::min(kPlainPieceBytes, bytes - at);
    pieces.push_back({tensor, offset + at, part, copyDigest(static_cast<const char*>(data) + at, part)});
  }
}

}  // namespace

bool Session::take(ggml_tensor* tensor, const void* data, size_t offset, size_t bytes) {
  if (!isInside(tensor, offset, bytes)) return false;
  overwrite(tensor, offset, bytes);
  ggml_backend_dev_t device = deviceOf(tensor);
  if (device == nullptr) return false;
  const auto begin = reinterpret_cast<uintptr_t>(tensor->data) + offset;
  const Range range{begin, begin + bytes};
  Batch* batch = newBatch(tensor, range);
  Ring* ring = bytes >= kLeastBytes ? ringFor(device) : nullptr;
  if (ring == nullptr) {
    report_.plain_bytes += bytes;
    if (batch != nullptr) addPieces(batch->pieces, tensor, data, offset, bytes);
    return false;
  }
  const Stopwatch watch(report_.copy_ms);
  pending_.push_back(range);
  ring->upload(tensor, data, offset, bytes, mapped_, batch == nullptr ? nullptr : &batch->pieces);
  report_.tensors += 1;
  report_.bytes += bytes;
  return true;
}

void Session::settle(const ggml_tensor* tensor, size_t offset, size_t bytes) {
  const auto begin = reinterpret_cast<uintptr_t>(tensor->data) + offset;
  const auto overlaps = [&](const Range& range) { return range.begin < begin + bytes && begin < range.end; };
  if (std::ranges::any_of(pending_, overlaps)) settleAll();
}

void Session::overwrite(const ggml_tensor* tensor, size_t offset, size_t bytes) {
  settle(tensor, offset, bytes);
  const auto begin = reinterpret_cast<uintptr_t>(tensor->data) + offset;
  std::erase_if(batches_, [&](const Batch& batch) {
    return batch.range.begin < begin + bytes && begin < batch.range.end;
  });
}

void Session::overwrite(ggml_backend_buffer_t buffer) {
  settleAll();
  std::erase_if(batches_, [&](const Batch& batch) { return batch.buffer == buffer; });
}

void Session::settleAll() {
  if (pending_.empty()) return;
  ring_->drain();
  pending_.clear();
}

hearth_upload_report Session::finish(bool alive) {
  {
    const Stopwatch watch(report_.drain_ms);
    settleAll();
  }
  if (ring_ == nullptr) return report_;
  if (check_ && alive) {
    const Stopwatch watch(report_.check_ms);
    report_.differing = differing();
    report_.checked = 1;
  }
  ring_->stop();
  RingStore::instance().put(std::move(ring_));
  return report_;
}

/** The ring of the device, started. One at a time: a model's tensors come device by device. */
Ring* Session::ringFor(ggml_backend_dev_t device) {
  if (report_.plain_reason != nullptr) return nullptr;
  if (ring_ != nullptr && ring_->device() == device) return ring_.get();
  settleAll();
  ring_.reset();
  const Stopwatch watch(report_.open_ms);
  ring_ = RingStore::instance().take(device);
  if (ring_ == nullptr) ring_ = Ring::open(device, shapeForThisMachine(), report_.plain_reason);
  if (ring_ != nullptr && !ring_->start()) {
    report_.plain_reason = "the system gives no threads";
    ring_.reset();
  }
  if (ring_ == nullptr) return nullptr;
  report_.lanes = static_cast<uint32_t>(ring_->lanes());
  report_.ring_bytes = ring_->bytes();
  return ring_.get();
}

/** null in a session that does not check. */
Session::Batch* Session::newBatch(ggml_tensor* tensor, Range range) {
  return check_ ? &batches_.emplace_back(bufferOf(tensor), range) : nullptr;
}

size_t Session::differing() {
  std::vector<Piece> pieces;
  for (const Batch& batch : batches_) pieces.insert(pieces.end(), batch.pieces.begin(), batch.pieces.end());
  return ring_->differing(pieces);
}

}  // namespace hearth::upload
