#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/upload/abi.h"
#include "fake_device.h"

extern "C" {
void hearth_upload_begin(const hearth_upload_options* options);
void hearth_upload_finish(uint32_t alive, hearth_upload_report* report);
void hearth_upload_prepare();
void hearth_upload_release();
}

/** Tensors on a device that is none, and what a load does to them. */
namespace scene {

constexpr size_t kMiB = size_t{1} << 20;

/** Bytes that are different at every place and for every seed. */
std::vector<uint8_t> bytesOf(size_t count, uint32_t seed);

/** A tensor of bytes in a buffer of its own. */
class Tensor {
 public:
  Tensor(ggml_backend_buffer_type_t type, size_t bytes);
  ~Tensor();
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  void set(const std::vector<uint8_t>& bytes, size_t offset = 0);
  /** What its memory holds at this moment, whatever is on its way. */
  std::vector<uint8_t> memory() const;
  bool holds(const std::vector<uint8_t>& bytes) const { return memory() == bytes; }
  /** Frees its buffer, as a load does that fails. */
  void freeBuffer();
  ggml_tensor* operator->() { return &tensor_; }
  ggml_tensor* get() { return &tensor_; }

 private:
  ggml_tensor tensor_{};
};

void begin(bool check = false, bool mapped = false);
hearth_upload_report finish(bool alive = true);

/** The reason, or the empty string. */
std::string plainReason(const hearth_upload_report& report);

}  // namespace scene
