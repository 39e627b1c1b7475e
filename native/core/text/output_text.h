#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/stop_matcher.h"
#include "core/text/utf8.h"

namespace hearth {

/**
 * From the bytes of tokens to the text that a client gets: whole characters only, stop strings cut out. It
 * also says how many tokens belong to the text given so far, so that log probabilities can go out exactly
 * with their text.
 */
class OutputText {
 public:
  explicit OutputText(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /** One token. Appends to `text` what is certain now. True when a stop string ended the output. */
  bool push(std::string_view tokenBytes, std::string& text);
  /** The end without a stop string. */
  void finish(std::string& text);
  /**
   * How many more tokens belong to the text given out since the last call. A token that a stop string cut in
   * two counts, one whose text was dropped altogether does not.
   */
  size_t takeTokens();

 private:
  static constexpr size_t kOpen = static_cast<size_t>(-1);
  struct TokenSpan {
    size_t from;
    size_t to;
  };

  void closeSpans();

  Utf8Decoder decoder_;
  StopMatcher stops_;
  std::string decoded_;
  size_t decodedLength_ = 0;
  size_t releasedLength_ = 0;
  bool ended_ = false;
  std::deque<TokenSpan> spans_;
};

}  // namespace hearth
