#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hearth {

struct DeviceInfo {
  std::string name;
  std::string description;
  /** `cpu`, `gpu`, `integrated` or `accelerator`. */
  const char* kind;
  uint64_t totalBytes;
  uint64_t freeBytes;
  /** What this process took of it by asking: its context of the backend. Absent: the driver does not tell. */
  std::optional<uint64_t> contextBytes;
  /** Its place on the PCI bus, as "0000:3b:00.0"; none: it is not on one, or does not tell. */
  std::optional<std::string> busId;
};

struct BackendInfo {
  std::vector<DeviceInfo> devices;
  std::string systemInfo;
  double initMs;
};

/**
 * Loads every compute backend in `libraryDir` (the CPU variant that fits the machine best) and lists the
 * devices. Once per process; a second call only lists. Throws Failure when no device comes up.
 */
BackendInfo initialiseBackend(const std::string& libraryDir);

}  // namespace hearth
