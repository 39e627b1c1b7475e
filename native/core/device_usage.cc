#include "core/device_usage.h"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>

namespace hearth {
namespace {

// The part of nvml.h that is used here (https://docs.nvidia.com/deploy/nvml-api/): its functions are versioned
// by name and its structs do not change under a name.
using NvmlDevice = void*;
struct NvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};
struct NvmlPciInfo {
  char busIdLegacy[16];
  unsigned int domain;
  unsigned int bus;
  unsigned int device;
  unsigned int pciDeviceId;
  unsigned int pciSubSystemId;
  char busId[32];
};

template <typename Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

/** NVML writes eight digits of domain, Linux and ggml four: "00000000:C1:00.0". */
std::string normalised(std::string busId) {
  std::ranges::transform(busId, busId.begin(), [](unsigned char c) { return std::tolower(c); });
  const size_t colon = busId.find(':');
  return colon == std::string::npos || colon <= 4 ? busId : busId.substr(colon - 4);
}

/** Opened once and kept: closing a driver's library is what drivers are not tested with. */
struct Nvml {
  int (*init)() = nullptr;
  int (*count)(unsigned int*) = nullptr;
  int (*handle)(unsigned int, NvmlDevice*) = nullptr;
  int (*memory)(NvmlDevice, NvmlMemory*) = nullptr;
  int (*pciInfo)(NvmlDevice, NvmlPciInfo*) = nullptr;
  bool works = false;

  Nvml() {
    void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    works = find(library, "nvmlInit_v2", init) && find(library, "nvmlDeviceGetCount_v2", count) &&
            find(library, "nvmlDeviceGetHandleByIndex_v2", handle) &&
            find(library, "nvmlDeviceGetMemoryInfo", memory) &&
            find(library, "nvmlDeviceGetPciInfo_v3", pciInfo) && init() == 0;
  }
};

const Nvml& nvml() {
  static const Nvml library;
  return library;
}

}  // namespace

DeviceUsage DeviceUsage::now() {
  DeviceUsage usage;
  unsigned int count = 0;
  if (!nvml().works || nvml().count(&count) != 0) return usage;
  for (unsigned int index = 0; index < count; ++index) {
    NvmlDevice device = nullptr;
    NvmlMemory memory{};
    NvmlPciInfo pci{};
    if (nvml().handle(index, &device) != 0 || nvml().memory(device, &memory) != 0) continue;
    if (nvml().pciInfo(device, &pci) == 0) usage.used_[normalised(pci.busId)] = memory.used;
  }
  return usage;
}

std::optional<uint64_t> DeviceUsage::since(const DeviceUsage& before, const std::string& busId) const {
  const std::string key = normalised(busId);
  const auto then = before.used_.find(key);
  const auto now = used_.find(key);
  if (then == before.used_.end() || now == used_.end()) return std::nullopt;
  return now->second > then->second ? now->second - then->second : 0;
}

}  // namespace hearth
