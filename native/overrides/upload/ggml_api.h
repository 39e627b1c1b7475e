#pragma once

#include "ggml-backend.h"
#include "overrides/original.h"

/** What the upload uses of libggml-base: its public functions for devices, buffers, streams and events. */
#define HEARTH_GGML_FUNCTIONS(X)        \
  X(ggml_backend_buffer_free)           \
  X(ggml_backend_buffer_get_base)       \
  X(ggml_backend_buffer_get_type)       \
  X(ggml_backend_buffer_is_host)        \
  X(ggml_backend_buft_alloc_buffer)     \
  X(ggml_backend_buft_get_device)       \
  X(ggml_backend_buft_is_host)          \
  X(ggml_backend_dev_buffer_type)       \
  X(ggml_backend_dev_get_props)         \
  X(ggml_backend_dev_host_buffer_type)  \
  X(ggml_backend_dev_init)              \
  X(ggml_backend_dev_type)              \
  X(ggml_backend_event_free)            \
  X(ggml_backend_event_new)             \
  X(ggml_backend_event_record)          \
  X(ggml_backend_event_synchronize)     \
  X(ggml_backend_free)                  \
  X(ggml_backend_synchronize)           \
  X(ggml_backend_tensor_get)            \
  X(ggml_backend_tensor_set)            \
  X(ggml_backend_tensor_set_async)      \
  X(ggml_nbytes)

namespace hearth::upload {

/** Where those functions are; those that this library hides are the originals. */
struct GgmlApi {
#define HEARTH_DECLARE(name) decltype(&::name) name;
  HEARTH_GGML_FUNCTIONS(HEARTH_DECLARE)
#undef HEARTH_DECLARE
};

const GgmlApi& ggml();

}  // namespace hearth::upload
