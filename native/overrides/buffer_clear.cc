/**
 * ggml_backend_buffer_clear() for KV caches in host memory. llama.cpp zeroes each new one, which touches
 * every page of it, and a page fault costs 0.5 to 1 microseconds. Here such memory is given back to the
 * kernel instead, which zeroes a page when a token first needs it
 * (docs/adr/0009-kv-cache-pages-on-demand.md).
 */
#include "core/memory/zero_memory.h"
#include "ggml-backend.h"
#include "overrides/original.h"
#include "overrides/upload/current.h"

namespace {

#define GGML_FUNCTION(name) reinterpret_cast<decltype(&name)>(hearth::ggmlFunction(#name))

/**
 * Memory of malloc that ggml owns: the very type of the CPU's plain buffers. Mapped files, pinned memory of a
 * device and buffers made of several have a type of their own or no base.
 */
void* privateMemoryOf(ggml_backend_buffer_t buffer) {
  static const auto typeOf = GGML_FUNCTION(ggml_backend_buffer_get_type);
  static const auto baseOf = GGML_FUNCTION(ggml_backend_buffer_get_base);
  static const auto plainType = GGML_FUNCTION(ggml_backend_cpu_buffer_type)();
  return typeOf(buffer) == plainType ? baseOf(buffer) : nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void ggml_backend_buffer_clear(ggml_backend_buffer_t buffer,
                                                                                 uint8_t value) {
  static const auto original =
      reinterpret_cast<decltype(&ggml_backend_buffer_clear)>(hearth::originalOf("ggml_backend_buffer_clear"));
  static const auto sizeOf = GGML_FUNCTION(ggml_backend_buffer_get_size);
  // Bytes that are still on their way to it would come after the zeros.
  if (hearth::upload::Session* session = hearth::upload::current()) session->overwrite(buffer);
  void* memory = value == 0 ? privateMemoryOf(buffer) : nullptr;
  if (memory == nullptr) original(buffer, value);
  else hearth::zeroPrivateMemory(memory, sizeOf(buffer));
}
