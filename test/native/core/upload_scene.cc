#include "upload_scene.h"

#include "ggml_library.h"

namespace scene {

std::vector<uint8_t> bytesOf(size_t count, uint32_t seed) {
  std::vector<uint8_t> bytes(count);
  uint32_t state = seed * 2654435761u + 1;
  for (uint8_t& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<uint8_t>(state >> 24);
  }
  return bytes;
}

Tensor::Tensor(ggml_backend_buffer_type_t type, size_t bytes) {
  ggml_backend_buffer_t buffer = FROM_GGML(ggml_backend_buft_alloc_buffer)(type, bytes);
  tensor_.type = GGML_TYPE_I8;
  tensor_.buffer = buffer;
  tensor_.data = FROM_GGML(ggml_backend_buffer_get_base)(buffer);
  tensor_.ne[0] = static_cast<int64_t>(bytes);
  tensor_.ne[1] = tensor_.ne[2] = tensor_.ne[3] = 1;
  tensor_.nb[0] = 1;
  tensor_.nb[1] = tensor_.nb[2] = tensor_.nb[3] = bytes;
}

Tensor::~Tensor() {
  if (tensor_.buffer != nullptr) freeBuffer();
}

void Tensor::set(const std::vector<uint8_t>& bytes, size_t offset) {
  ggml_backend_tensor_set(&tensor_, bytes.data(), offset, bytes.size());
}

std::vector<uint8_t> Tensor::memory() const {
  const auto* first = static_cast<const uint8_t*>(tensor_.data);
  return {first, first + tensor_.ne[0]};
}

void Tensor::freeBuffer() {
  ggml_backend_buffer_free(tensor_.buffer);
  tensor_.buffer = nullptr;
}

void begin(bool check, bool mapped) {
  const hearth_upload_options options{check, mapped};
  hearth_upload_begin(&options);
}

hearth_upload_report finish(bool alive) {
  hearth_upload_report report{};
  hearth_upload_finish(alive, &report);
  return report;
}

std::string plainReason(const hearth_upload_report& report) {
  return report.plain_reason == nullptr ? std::string() : std::string(report.plain_reason);
}

}  // namespace scene
