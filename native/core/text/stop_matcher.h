#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth {

/**
 * Finds stop strings in a stream of text, across the borders of its pieces. It keeps back only what may still
 * become a stop string. The earliest match ends the stream; the match and what follows it are dropped.
 */
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops);

  /** Appends to `released` the text that is certain not to belong to a stop string. True when one was found.
   */
  bool push(std::string_view text, std::string& released);
  /** The end of the stream without a match: what was kept back is text after all. */
  void finish(std::string& released);

 private:
  size_t heldLength() const;

  std::vector<std::string> stops_;
  size_t longest_ = 0;
  std::string held_;
};

}  // namespace hearth
