/**
 * Where llama.cpp takes a part of a mapped file for a buffer: inside a load that maps by threads, its pages are mapped there.
 */
#include <memory>

#include "core/memory/mapping_abi.h"
#include "ggml-backend.h"
#include "overrides/mapping/mapper.h"
#include "overrides/original.h"
#include "overrides/upload/source_view.h"

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace hearth::mapping {
namespace {

thread_local std::unique_ptr<Mapper> mapper;

}  // namespace

Mapper* current() { return mapper.get(); }

}  // namespace hearth::mapping

EXPORTED ggml_backend_buffer_t ggml_backend_dev_buffer_from_host_ptr(ggml_backend_dev_t device, void* data,
                                                                     size_t bytes, size_t maxTensorBytes) {
  static const auto original = reinterpret_cast<decltype(&ggml_backend_dev_buffer_from_host_ptr)>(
      hearth::originalOf("ggml_backend_dev_buffer_from_host_ptr"));
  if (hearth::mapping::Mapper* mapper = hearth::mapping::current()) {
    hearth::upload::adviseNormal(data, bytes);
    mapper->add(data, bytes);
  }
  return original(device, data, bytes, maxTensorBytes);
}

EXPORTED void hearth_mapping_begin(uint32_t threads) {
  hearth::mapping::mapper = std::make_unique<hearth::mapping::Mapper>(threads);
}

EXPORTED void hearth_mapping_finish(uint32_t alive) {
  if (hearth::mapping::mapper == nullptr) return;
  hearth::mapping::mapper->finish(alive != 0);
  hearth::mapping::mapper.reset();
}
