#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace hearth {

/**
 * How much of each NVIDIA device's memory is in use, by all processes, as the driver's management library
 * (NVML) tells without making a context. Empty where there is no such library.
 */
class DeviceUsage {
 public:
  static DeviceUsage now();
  /** What has been added on the device of that PCI bus id since then; none when it is not known. */
  std::optional<uint64_t> since(const DeviceUsage& before, const std::string& busId) const;

 private:
  /** By PCI bus id, as "0000:c1:00.0". */
  std::unordered_map<std::string, uint64_t> used_;
};

}  // namespace hearth
