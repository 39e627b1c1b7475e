#pragma once

#include <vector>

namespace hearth {

/**
 * Keeps all threads of this process, and with them those that they make, to these cores, as far as it may use them now.
 * How many that are; 0: none of them, and nothing has changed. Throws Failure when the system refuses.
 */
int runOnCores(const std::vector<int>& cores);

}  // namespace hearth
