/**
 * The device that is none as a library that ggml loads (GGML_BACKEND_PATH): whole models run on it, computed by the CPU
 * backend. What it does wrong is the environment's to say.
 */
#include <cstdlib>
#include <cstring>

#include "fake_device.h"

namespace {

fake::Device& gpu() {
  static auto* device = new fake::Device("FAKE0");
  return *device;
}

const char* name(ggml_backend_reg_t) { return "FAKE"; }
size_t count(ggml_backend_reg_t) { return 1; }
ggml_backend_dev_t device(ggml_backend_reg_t, size_t) { return gpu().handle(); }
void* function(ggml_backend_reg_t, const char*) { return nullptr; }

int number(const char* variable, int otherwise) {
  const char* value = std::getenv(variable);
  return value == nullptr ? otherwise : std::atoi(value);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) ggml_backend_reg_t ggml_backend_init() {
  static ggml_backend_reg registry{GGML_BACKEND_API_VERSION, {name, count, device, function}, nullptr};
  gpu().device.reg = &registry;
  gpu().computeBy(ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU));
  gpu().behaviour.spoiledCopy = number("FAKE_SPOILED_COPY", -1);
  if (const char* file = std::getenv("FAKE_FAILS_WHILE")) gpu().behaviour.failsWhile = file;
  gpu().behaviour.async = number("FAKE_ASYNC", 1) != 0;
  return &registry;
}
