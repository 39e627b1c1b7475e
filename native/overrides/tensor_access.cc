/**
 * The functions of ggml that write, read or free what a device holds. Inside a load's session large tensors go through the
 * ring (overrides/upload), and whatever touches one that is still on its way waits for it. Outside of one, which is where
 * tokens are made, each costs one look at a thread's own variable.
 */
#include <cstring>

#include "overrides/mapping/mapper.h"
#include "overrides/upload/current.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))
#define ORIGINAL(name) reinterpret_cast<decltype(&name)>(hearth::originalOf(#name))

using hearth::upload::current;
using hearth::upload::Session;

EXPORTED void ggml_backend_tensor_set(ggml_tensor* tensor, const void* data, size_t offset, size_t size) {
  static const auto original = ORIGINAL(ggml_backend_tensor_set);
  Session* session = current();
  if (session == nullptr || !session->take(tensor, data, offset, size)) original(tensor, data, offset, size);
}

EXPORTED void ggml_backend_tensor_get(const ggml_tensor* tensor, void* data, size_t offset, size_t size) {
  static const auto original = ORIGINAL(ggml_backend_tensor_get);
  if (Session* session = current()) session->settle(tensor, offset, size);
  original(tensor, data, offset, size);
}

EXPORTED void ggml_backend_tensor_memset(ggml_tensor* tensor, uint8_t value, size_t offset, size_t size) {
  static const auto original = ORIGINAL(ggml_backend_tensor_memset);
  if (Session* session = current()) session->overwrite(tensor, offset, size);
  original(tensor, value, offset, size);
}

EXPORTED void ggml_backend_tensor_copy(const ggml_tensor* source, ggml_tensor* target) {
  static const auto original = ORIGINAL(ggml_backend_tensor_copy);
  if (Session* session = current()) {
    session->settle(source, 0, hearth::upload::ggml().ggml_nbytes(source));
    session->overwrite(target, 0, hearth::upload::ggml().ggml_nbytes(target));
  }
  original(source, target);
}

EXPORTED void ggml_backend_buffer_free(ggml_backend_buffer_t buffer) {
  static const auto original = ORIGINAL(ggml_backend_buffer_free);
  if (Session* session = current()) session->overwrite(buffer);
  original(buffer);
}

namespace {

bool isTrue() { return true; }

}  // namespace

/**
 * libllama asks its CPU backend whether the host has several memory nodes, and if not maps a file with MAP_POPULATE: in one
 * thread, 0.1 s for a GiB of 4 KiB pages and the file's whole reading time. The ring's threads do that, chunk by chunk.
 */
EXPORTED void* ggml_backend_reg_get_proc_address(ggml_backend_reg_t registry, const char* name) {
  static const auto original = ORIGINAL(ggml_backend_reg_get_proc_address);
  const bool isMappedByThreads = current() != nullptr || hearth::mapping::current() != nullptr;
  if (isMappedByThreads && std::strcmp(name, "ggml_backend_cpu_is_numa") == 0)
    return reinterpret_cast<void*>(isTrue);
  return original(registry, name);
}
