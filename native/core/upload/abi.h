#pragma once

#include <stdint.h>

/**
 * The threaded upload of weights to a device, as native/overrides offers it to the engine. The two are libraries of their
 * own: the engine looks these functions up by name, and finds none where the overrides are off.
 */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hearth_upload_options {
  /** Read everything back before the model is used, and compare. */
  uint32_t check;
  /** What is in shared mappings is files that nobody writes to until the end: they may be read after a tensor was set. */
  uint32_t mapped;
} hearth_upload_options;

/** What one load's upload was. Times in milliseconds of the loading thread. */
typedef struct hearth_upload_report {
  /** Tensors and bytes that went through the ring; the rest took the plain path. */
  uint64_t tensors;
  uint64_t bytes;
  uint64_t plain_bytes;
  uint32_t lanes;
  uint64_t ring_bytes;
  /** Making the ring, when it was not prepared. */
  double open_ms;
  /** In ggml_backend_tensor_set. */
  double copy_ms;
  /** Until the device had everything, after the last source was read. */
  double drain_ms;
  double check_ms;
  /** Everything was read back. */
  uint32_t checked;
  /** Pieces that differed. */
  uint64_t differing;
  /** Why no ring was used, or null. A static text. */
  const char *plain_reason;
} hearth_upload_report;

/** From here on large tensors that this thread sets on a device go through a ring. One at a time for each thread. */
typedef void (*hearth_upload_begin_fn)(const hearth_upload_options *options);
/** Waits for the device. `alive`: the tensors still exist, so that they can be read back. The ring goes later, with release. */
typedef void (*hearth_upload_finish_fn)(uint32_t alive, hearth_upload_report *report);
/** Makes the ring of the first device that can have one, ahead of a load. From any thread; idempotent. */
typedef void (*hearth_upload_prepare_fn)(void);
/** Frees the ring that waits, if one does. From any thread. */
typedef void (*hearth_upload_release_fn)(void);

#ifdef __cplusplus
}
#endif
