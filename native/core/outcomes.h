#pragma once

#include <functional>

#include "core/failure.h"

namespace hearth {

/** Is told what an asynchronous operation ended with, once. */
template <typename Result>
using Completion = std::function<void(Outcome<Result>)>;

/** Of an operation that has nothing to tell but that it went well. */
struct Done {};

}  // namespace hearth
