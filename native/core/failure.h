#pragma once

#include <stdexcept>
#include <string>
#include <variant>

namespace hearth {

/** A refused or failed operation: `code` is one of NativeError's in addonTypes.ts. Thrown within the core,
 * never out of it. */
struct Failure : std::runtime_error {
  Failure(const char* failureCode, const std::string& message)
      : std::runtime_error(message), code(failureCode) {}
  const char* code;
};

/** What an asynchronous operation ends with. */
template <typename Result>
using Outcome = std::variant<Result, Failure>;

/** Runs `operation` and turns whatever it throws into a Failure, `code` where it has none of its own. */
template <typename Operation>
auto outcomeOf(const char* code, Operation&& operation) -> Outcome<decltype(operation())> {
  try {
    return operation();
  } catch (const Failure& failure) {
    return failure;
  } catch (const std::bad_alloc&) {
    return Failure("out_of_memory", "Cannot go on: the host is out of memory");
  } catch (const std::exception& error) {
    return Failure(code, error.what());
  }
}

}  // namespace hearth
