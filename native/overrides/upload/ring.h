#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/upload/crew.h"
#include "overrides/upload/ggml_api.h"
#include "overrides/upload/source_view.h"

namespace hearth::upload {

struct RingShape {
  /** Threads that copy, with a stream each. */
  size_t lanes;
  size_t chunkBytes;
  /** Pinned buffers of each lane: one is filled while the others are on their way. */
  size_t depth;
};

/** As many lanes as bring pinned memory's speed, and a core left for the others (docs/benchmarks.md, On a GPU). */
RingShape shapeForThisMachine();

/** A part of a tensor that was set: the digest is the source's. */
struct Piece {
  const ggml_tensor* tensor;
  size_t offset;
  size_t bytes;
  uint64_t digest;
};

/**
 * Pinned buffers of one device between ordinary memory and tensors on it. A plain copy of memory that is not pinned goes
 * through the driver's own buffers in one thread at 10 GB/s; several threads that each copy into pinned memory and send that
 * along a stream of their own reach the bus's speed.
 */
class Ring {
 public:
  /**
   * null with `reason` when the device cannot: it has no streams, events or pinned memory, or not enough of it. A ring with
   * fewer lanes than asked for is a ring.
   */
  static std::unique_ptr<Ring> open(ggml_backend_dev_t device, const RingShape& shape, const char*& reason);
  /** Waits for the device. */
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  ggml_backend_dev_t device() const { return device_; }
  size_t lanes() const { return lanes_.size(); }
  size_t bytes() const { return lanes_.size() * shape_.depth * shape_.chunkBytes; }

  /** Starts the threads; false when the system gives none. They are gone after stop(), and have read all. */
  bool start();
  void stop();
  /**
   * Sends the source to the tensor. Returns when it has been read, or `mapped` and it can be read without the caller's
   * mapping; not when the tensor has it. With `pieces` the source's digests are written there until drain(). Of the thread
   * that started the ring.
   */
  void upload(ggml_tensor* tensor, const void* data, size_t offset, size_t bytes, bool mapped,
              std::vector<Piece>* pieces);
  /** Returns when the device has everything. */
  void drain();
  /** How many of `pieces` are not on the device as they were in the source. After drain(). */
  size_t differing(std::span<const Piece> pieces);

 private:
  struct Slot {
    std::byte* memory;
    ggml_backend_event_t event;
    bool sent;
  };
  struct Lane {
    ggml_backend_t stream;
    ggml_backend_buffer_t pinned;
    std::vector<Slot> slots;
    size_t next;
  };
  struct Job {
    ggml_tensor* tensor;
    const std::byte* source;
    size_t offset;
    size_t bytes;
    /** One for each chunk, or null. */
    Piece* pieces;
  };

  Ring(ggml_backend_dev_t device, const RingShape& shape) : device_(device), shape_(shape) {}
  bool addLane(ggml_backend_buffer_type_t pinnedType);
  static void freeLane(Lane& lane);
  void adoptDevice() const;
  void copyChunk(Lane& lane, const Job& job, size_t chunk) const;

  ggml_backend_dev_t device_;
  RingShape shape_;
  std::vector<Lane> lanes_;
  /** Of this load and, until the next begins or the ring goes, of the last: to unmap them takes its time. */
  std::vector<SourceView> sources_;
  std::unique_ptr<Crew> crew_;
};

}  // namespace hearth::upload
