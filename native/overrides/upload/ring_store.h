#pragma once

#include <memory>

#include "overrides/upload/ring.h"

namespace hearth::upload {

/**
 * The one ring that waits for a load. Pinning memory takes 0.6 ms a MiB and freeing it 0.2, so a standby makes its ring ahead
 * and lets it go after the load's answer. From any thread.
 */
class RingStore {
 public:
  /** Of the process; never destroyed, for the device's library may be gone by then. */
  static RingStore& instance();

  /** Makes the ring of the first device that can have one, unless one waits. */
  void prepare();
  /** The ring that waits, if it is the device's. Another's is freed. */
  std::unique_ptr<Ring> take(ggml_backend_dev_t device);
  /** Keeps the ring, in place of the one that waits. */
  void put(std::unique_ptr<Ring> ring);
  void release();

 private:
  std::mutex mutex_;
  std::unique_ptr<Ring> waiting_;
};

}  // namespace hearth::upload
