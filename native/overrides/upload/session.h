#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "core/upload/abi.h"
#include "overrides/upload/ring.h"

namespace hearth::upload {

/**
 * What one thread's load sends to devices. Tensors may be on their way when a call returns: whatever would look at them,
 * write over them or free them asks first (settle).
 */
class Session {
 public:
  /** `mapped`: sources in shared mappings stay as they are until the end. */
  Session(bool check, bool mapped) : check_(check), mapped_(mapped) {}

  /** True: the tensor gets the source, which the caller may let go. False: the caller sets it, in the plain way. */
  bool take(ggml_tensor* tensor, const void* data, size_t offset, size_t bytes);
  /** Before these bytes are read: waits for the device if it still writes to them. */
  void settle(const ggml_tensor* tensor, size_t offset, size_t bytes);
  /** The same before somebody else writes them. What they were given before is not checked any more. */
  void overwrite(const ggml_tensor* tensor, size_t offset, size_t bytes);
  /** The same before all of a buffer is written or freed. */
  void overwrite(ggml_backend_buffer_t buffer);
  /** The end: waits, and reads back if that was asked for and the tensors are `alive`. The ring goes to the store. */
  hearth_upload_report finish(bool alive);

 private:
  struct Range {
    uintptr_t begin;
    uintptr_t end;
  };

  /** What was set in one call. */
  struct Batch {
    ggml_backend_buffer_t buffer;
    Range range;
    std::vector<Piece> pieces;
  };

  Ring* ringFor(ggml_backend_dev_t device);
  void settleAll();
  Batch* newBatch(ggml_tensor* tensor, Range range);
  size_t differing();

  const bool check_;
  const bool mapped_;
  std::unique_ptr<Ring> ring_;
  /** Device memory that the ring may still write to. */
  std::vector<Range> pending_;
  /** Of a session that checks. */
  std::vector<Batch> batches_;
  hearth_upload_report report_{};
};

}  // namespace hearth::upload
