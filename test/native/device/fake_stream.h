#pragma once

#include <deque>
#include <mutex>

#include "fake_device.h"

namespace fake {

/** A stream whose copies wait until somebody waits for them: the latest that the contract of a stream allows. */
class Stream {
 public:
  static ggml_backend_t make(Device& device);
  static ggml_backend_event_t makeEvent(Device& device);
  static void freeEvent(ggml_backend_dev_t, ggml_backend_event_t event);
  static void waitFor(ggml_backend_dev_t, ggml_backend_event_t event);
  /** Some stream has yet to write into this memory, or to read from it. */
  static bool anyUses(const void* memory, size_t bytes);

  explicit Stream(Device& device);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void copy(char* to, const void* from, size_t bytes);
  /** A place in the stream. */
  uint64_t mark();
  /** Does what was told up to the mark. */
  void finish(uint64_t mark);

  Device& device;
  /** Of the device that computes for this one, made when it is first needed. */
  ggml_backend_t computer = nullptr;

 private:
  struct Copy {
    char* to;
    const void* from;
    size_t bytes;
    int number;
  };

  std::mutex mutex_;
  std::deque<Copy> waiting_;
  uint64_t told_ = 0;
  uint64_t done_ = 0;
};

}  // namespace fake
