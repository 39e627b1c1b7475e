#include "core/text/stop_matcher.h"

#include <algorithm>

namespace hearth {

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  for (const std::string& stop : stops_) longest_ = std::max(longest_, stop.size());
}

bool StopMatcher::push(std::string_view text, std::string& released) {
  if (stops_.empty()) {
    released.append(text);
    return false;
  }
  held_.append(text);
  size_t match = std::string::npos;
  for (const std::string& stop : stops_) match = std::min(match, held_.find(stop));
  if (match != std::string::npos) {
    released.append(held_, 0, match);
    held_.clear();
    return true;
  }
  const size_t certain = held_.size() - heldLength();
  released.append(held_, 0, certain);
  held_.erase(0, certain);
  return false;
}

void StopMatcher::finish(std::string& released) {
  released.append(held_);
  held_.clear();
}

/** Length of the longest end of the text that begins some stop string. */
size_t StopMatcher::heldLength() const {
  for (size_t length = std::min(held_.size(), longest_ - 1); length > 0; --length) {
    const std::string_view tail = std::string_view(held_).substr(held_.size() - length);
    for (const std::string& stop : stops_) {
      if (stop.size() > length && std::string_view(stop).starts_with(tail)) return length;
    }
  }
  return 0;
}

}  // namespace hearth
