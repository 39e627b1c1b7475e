#pragma once

#include <optional>
#include <stdexcept>
#include <string>

namespace hearth {

/** A request that cannot be run: `code` is one of RejectCode in addonTypes.ts. The message holds nothing of
 * the prompt. */
struct Rejection : std::runtime_error {
  Rejection(const char* rejectionCode, const std::string& message)
      : std::runtime_error(message), code(rejectionCode) {}
  const char* code;
  std::optional<int32_t> promptTokens;
  std::optional<int32_t> contextTokens;
};

}  // namespace hearth
