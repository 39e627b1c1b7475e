#pragma once

#include <vector>

namespace hearth {

/**
 * Keeps the calling thread, an event loop, to these cores, as far as it may use them, for good and once per process. How
 * many that are; 0: none of them, or they are all that there are, or the system refuses, and nothing has changed. Threads
 * that it makes inherit that, so ours begin with leaveLoopCores().
 */
int keepLoopOn(const std::vector<int>& cores);

/** For a thread of ours: it may use all cores that the process had before. */
void leaveLoopCores();

/**
 * For a thread that begins to work for long: one that is on a core of the event loop's moves to another. It is not
 * kept there, so that the kernel can give it that core when the others have more to do.
 */
void stepAside();

}  // namespace hearth
