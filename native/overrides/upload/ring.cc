#include "overrides/upload/ring.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/upload/digest.h"

namespace hearth::upload {
namespace {

constexpr size_t kMostLanes = 12;
constexpr size_t kChunkBytes = size_t{2} << 20;
constexpr size_t kDepth = 2;
/** Chunks that a load may be ahead of its threads, so that its progress stays true to 256 MiB. */
constexpr size_t kMostAhead = 128;

size_t usableCores() {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return static_cast<size_t>(CPU_COUNT(&cores));
}

/** Why a device can have no ring, or null. */
const char* objection(ggml_backend_dev_t device) {
  ggml_backend_dev_props props{};
  ggml().ggml_backend_dev_get_props(device, &props);
  if (!props.caps.async) return "the device copies nothing asynchronously";
  if (!props.caps.events) return "the device has no events";
  if (!props.caps.host_buffer) return "the device has no pinned memory";
  ggml_backend_buffer_type_t pinned = ggml().ggml_backend_dev_host_buffer_type(device);
  if (pinned == nullptr || !ggml().ggml_backend_buft_is_host(pinned)) return "the device has no pinned memory";
  return nullptr;
}

}  // namespace

RingShape shapeForThisMachine() {
  const size_t cores = usableCores();
  return {std::clamp<size_t>(cores > 2 ? cores - 1 : cores, 1, kMostLanes), kChunkBytes, kDepth};
}

std::unique_ptr<Ring> Ring::open(ggml_backend_dev_t device, const RingShape& shape, const char*& reason) {
  reason = objection(device);
  if (reason != nullptr) return nullptr;
  std::unique_ptr<Ring> ring(new Ring(device, shape));
  ring->lanes_.reserve(shape.lanes);
  ggml_backend_buffer_type_t pinnedType = ggml().ggml_backend_dev_host_buffer_type(device);
  while (ring->lanes_.size() < shape.lanes && ring->addLane(pinnedType)) continue;
  if (!ring->lanes_.empty()) return ring;
  reason = "the device gives no stream, event or pinned memory";
  return nullptr;
}

Ring::~Ring() {
  stop();
  drain();
  for (Lane& lane : lanes_) freeLane(lane);
}

/** False, and nothing is left of it, when the device does not give all that a lane needs. */
bool Ring::addLane(ggml_backend_buffer_type_t pinnedType) {
  Lane lane{ggml().ggml_backend_dev_init(device_, nullptr), nullptr, {}, 0};
  if (lane.stream != nullptr)
    lane.pinned = ggml().ggml_backend_buft_alloc_buffer(pinnedType, shape_.chunkBytes * shape_.depth);
  bool whole = lane.pinned != nullptr;
  for (size_t slot = 0; whole && slot < shape_.depth; ++slot) {
    auto* base = static_cast<std::byte*>(ggml().ggml_backend_buffer_get_base(lane.pinned));
    ggml_backend_event_t event = ggml().ggml_backend_event_new(device_);
    whole = base != nullptr && event != nullptr;
    if (event != nullptr) lane.slots.push_back({base + slot * shape_.chunkBytes, event, false});
  }
  if (whole) {
    // Makes the stream where that is put off until the first use.
    ggml().ggml_backend_synchronize(lane.stream);
    lanes_.push_back(std::move(lane));
  } else {
    freeLane(lane);
  }
  return whole;
}

void Ring::freeLane(Lane& lane) {
  for (const Slot& slot : lane.slots) ggml().ggml_backend_event_free(slot.event);
  if (lane.pinned != nullptr) ggml().ggml_backend_buffer_free(lane.pinned);
  if (lane.stream != nullptr) ggml().ggml_backend_free(lane.stream);
}

bool Ring::start() {
  sources_.clear();
  crew_ = std::make_unique<Crew>(lanes_.size(), [this] { adoptDevice(); });
  if (crew_->size() > 0) return true;
  crew_.reset();
  return false;
}

void Ring::stop() { crew_.reset(); }

/** A thread of CUDA's belongs to device 0 until told otherwise, and a first use there would make a context on it. */
void Ring::adoptDevice() const {
  ggml_backend_event_t event = ggml().ggml_backend_event_new(device_);
  if (event != nullptr) ggml().ggml_backend_event_free(event);
}

void Ring::upload(ggml_tensor* tensor, const void* data, size_t offset, size_t bytes, bool mapped,
                  std::vector<Piece>* pieces) {
  const size_t chunks = (bytes + shape_.chunkBytes - 1) / shape_.chunkBytes;
  Job job{tensor, static_cast<const std::byte*>(data), offset, bytes, nullptr};
  if (pieces != nullptr) {
    pieces->resize(chunks);
    job.pieces = pieces->data();
  }
  std::optional<SourceView> view = mapped ? SourceView::of(data, bytes) : std::nullopt;
  const size_t ahead = view ? kMostAhead : 0;
  if (view) job.source = sources_.emplace_back(std::move(*view)).data();
  crew_->post(chunks, [this, job](size_t thread, size_t chunk) { copyChunk(lanes_[thread], job, chunk); });
  crew_->waitUntilLeft(ahead);
}

void Ring::copyChunk(Lane& lane, const Job& job, size_t chunk) const {
  Slot& slot = lane.slots[lane.next];
  lane.next = (lane.next + 1) % lane.slots.size();
  const size_t at = chunk * shape_.chunkBytes;
  const size_t bytes = std::min(shape_.chunkBytes, job.bytes - at);
  mapPages(job.source + at, bytes);
  if (slot.sent) ggml().ggml_backend_event_synchronize(slot.event);
  std::memcpy(slot.memory, job.source + at, bytes);
  if (job.pieces != nullptr)
    job.pieces[chunk] = {job.tensor, job.offset + at, bytes, copyDigest(job.source + at, bytes)};
  ggml().ggml_backend_tensor_set_async(lane.stream, job.tensor, slot.memory, job.offset + at, bytes);
  ggml().ggml_backend_event_record(slot.event, lane.stream);
  slot.sent = true;
}

void Ring::drain() {
  if (crew_ != nullptr) crew_->waitUntilLeft(0);
  for (Lane& lane : lanes_) {
    ggml().ggml_backend_synchronize(lane.stream);
    for (Slot& slot : lane.slots) slot.sent = false;
  }
}

size_t Ring::differing(std::span<const Piece> pieces) {
  std::atomic<size_t> wrong{0};
  crew_->post(pieces.size(), [&](size_t thread, size_t index) {
    std::byte* memory = lanes_[thread].slots.front().memory;
    const Piece& piece = pieces[index];
    ggml().ggml_backend_tensor_get(piece.tensor, memory, piece.offset, piece.bytes);
    if (copyDigest(memory, piece.bytes) != piece.digest) wrong.fetch_add(1);
  });
  crew_->waitUntilLeft(0);
  return wrong.load();
}

}  // namespace hearth::upload
