#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/failure.h"

namespace hearth::store {

/** What was asked of a full store, and what there was. */
struct Shortage {
  uint64_t neededBytes = 0;
  uint64_t freeBytes = 0;
  /** Of the book; none: only the file system is a bound. */
  std::optional<uint64_t> budgetBytes;
};

/** A Failure of the store: `code` is one of StoreErrorCode in storeTypes.ts. `store_full` has a shortage. */
struct StoreFailure : Failure {
  using Failure::Failure;
  StoreFailure(const std::string& message, Shortage found) : Failure("store_full", message), shortage(found) {}
  StoreFailure(const Failure& other) : Failure(other) {}  // NOLINT: every failure can be told as one of these

  std::optional<Shortage> shortage;
  /** With `key_required`, as the container has it; empty when it names none. */
  std::optional<std::string> keyName;
};

/** An encrypted file, and its key is not at hand. */
StoreFailure keyRequired(const std::string& path, const std::string& keyName);

template <typename Result>
using StoreOutcome = std::variant<Result, StoreFailure>;

/** Runs `operation` and turns whatever it throws into a StoreFailure, `store_failed` where it has no code. */
template <typename Operation>
auto storeOutcomeOf(Operation&& operation) -> StoreOutcome<decltype(operation())> {
  try {
    return operation();
  } catch (const StoreFailure& failure) {
    return failure;
  } catch (const Failure& failure) {
    return StoreFailure(failure);
  } catch (const std::bad_alloc&) {
    return StoreFailure("out_of_memory", "Cannot go on: the host is out of memory");
  } catch (const std::exception& error) {
    return StoreFailure("store_failed", error.what());
  }
}

/** Throws `Cannot <action> "<path>": <what errno says>`. */
[[noreturn]] void failBySystem(const char* code, const char* action, const std::string& path, int error);

}  // namespace hearth::store
