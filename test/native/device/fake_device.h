#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ggml-backend-impl.h"

/**
 * A device of ggml's that is none: its memory is host memory which it does not call so, its streams do what they are told as
 * late as they may, when somebody waits for them, and anything about it can be made to fail. What reads a tensor too early or
 * fills a buffer that is still on its way gets wrong bytes, each time and without a race.
 */
namespace fake {

/** What the device does from now on. Counts go down with each call; 0 fails it, -1 never does. */
struct Behaviour {
  bool async = true;
  bool events = true;
  bool hostBuffer = true;
  std::atomic<int> streams{-1};
  std::atomic<int> pinnedBuffers{-1};
  std::atomic<int> eventsLeft{-1};
  /** Of this copy, counted from 0, one bit is flipped on its way. */
  std::atomic<int> spoiledCopy{-1};
  /** A file: while it is there, nothing is computed. Empty: none. */
  std::string failsWhile;
};

struct Counts {
  /** Copies that a stream was told, and those that it has carried out. */
  std::atomic<int> toldCopies{0};
  std::atomic<int> doneCopies{0};
  /** Tensors that were set in the plain way. */
  std::atomic<int> plainSets{0};
  /** What exists now. */
  std::atomic<int> streams{0};
  std::atomic<int> pinnedBuffers{0};
  std::atomic<int> events{0};
  /** Buffers that went while a stream had yet to write into them, or to read from them. */
  std::atomic<int> freedEarly{0};
};

struct Device {
  explicit Device(const char* deviceName);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  ggml_backend_dev_t handle() { return &device; }
  /** For a device that runs models: another one that computes on its memory. */
  void computeBy(ggml_backend_dev_t host);

  Behaviour behaviour;
  Counts counts;
  const char* const name;
  ggml_backend_device device;
  ggml_backend_buffer_type memory;
  ggml_backend_buffer_type pinned;
  /** null: it computes nothing. */
  ggml_backend_dev_t host = nullptr;
  /** Another kind of memory of the device, in which it keeps tensors in a form of its own. */
  ggml_backend_buffer_type packed;
};

}  // namespace fake
