#include "core/backend.h"

#include <mutex>

#include "core/device_usage.h"
#include "core/failure.h"
#include "core/requests.h"
#include "ggml-backend.h"
#include "llama.h"

namespace hearth {
namespace {

const char* kindOf(enum ggml_backend_dev_type type) {
  switch (type) {
    case GGML_BACKEND_DEVICE_TYPE_CPU: return "cpu";
    case GGML_BACKEND_DEVICE_TYPE_GPU: return "gpu";
    case GGML_BACKEND_DEVICE_TYPE_IGPU: return "integrated";
    default: return "accelerator";
  }
}

}  // namespace

BackendInfo initialiseBackend(const std::string& libraryDir) {
  static std::once_flag once;
  const auto startedAt = Clock::now();
  std::call_once(once, [&] {
    ggml_backend_load_all_from_path(libraryDir.c_str());
    llama_backend_init();
  });

  BackendInfo info{};
  const DeviceUsage before = DeviceUsage::now();
  for (size_t index = 0; index < ggml_backend_dev_count(); ++index) {
    ggml_backend_dev_t device = ggml_backend_dev_get(index);
    size_t free = 0;
    size_t total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    info.devices.push_back({ggml_backend_dev_name(device), ggml_backend_dev_description(device),
                            kindOf(ggml_backend_dev_type(device)), total, free, {}, {}});
  }
  const DeviceUsage after = DeviceUsage::now();
  for (size_t index = 0; index < info.devices.size(); ++index) {
    ggml_backend_dev_props props{};
    ggml_backend_dev_get_props(ggml_backend_dev_get(index), &props);
    if (props.device_id == nullptr) continue;
    info.devices[index].busId = props.device_id;
    info.devices[index].contextBytes = after.since(before, props.device_id);
  }
  if (info.devices.empty()) {
    throw Failure("invalid_argument",
                  "Cannot initialise the engine: no compute backend loads from \"" + libraryDir + "\"");
  }
  info.systemInfo = llama_print_system_info();
  info.initMs = milliseconds(Clock::now() - startedAt);
  return info;
}

}  // namespace hearth
