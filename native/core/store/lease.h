#pragma once

#include <optional>
#include <string>

#include "core/store/layout.h"
#include "core/store/posix.h"

namespace hearth::store {

/**
 * A segment that is in use: a shared flock on its `.lease`, for as long as the open file description lives. A
 * child that inherits the descriptor keeps it, and the kernel lets go of it when the last of them dies.
 */
struct Lease {
  Fd fd;
  /** The segment's folder. */
  std::string path;
};

/** The content id that a source had when it was staged last; none when its segment is not there any more. */
std::optional<std::string> lookupSource(const Layout& layout, Book book, std::string_view sourceKey);

/** None when the segment is not there, or goes at this moment. */
std::optional<Lease> acquireLease(const Layout& layout, Book book, std::string_view id);

}  // namespace hearth::store
