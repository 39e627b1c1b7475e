#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace hearth {

/** A stretch of a prompt and whether the texts of special tokens in it are such tokens. */
struct PromptPiece {
  std::string text;
  bool parseSpecial;
};

/**
 * Keeps the texts of special tokens in message content from becoming those tokens.
 *
 * A chat template mixes its own markers with the content, and the tokeniser cannot tell one from the other.
 * So each such text in the content is broken by a sentinel, a private-use character that occurs nowhere in
 * the request, before the template runs. Afterwards a marker that spans a sentinel is known to be content: it
 * becomes a piece of its own in which no special tokens are parsed, and the sentinels go.
 */
class SpecialText {
 public:
  /** Texts of one character cannot be broken and are left out. */
  explicit SpecialText(std::vector<std::string> texts);

  /** `content` holds a special text, or ends like one that the template's next words could complete. */
  bool mustBreak(std::string_view content) const;
  /** `content` with `sentinel` within every special text and after a beginning of one at its end. */
  std::string breakApart(std::string_view content, std::string_view sentinel) const;
  /** Undoes breakApart() on a whole prompt. */
  std::vector<PromptPiece> split(std::string_view prompt, std::string_view sentinel) const;

 private:
  size_t longestAt(std::string_view text, size_t at) const;
  bool endsLikeOne(std::string_view text) const;

  std::vector<std::string> texts_;
  std::array<std::vector<size_t>, 256> byFirstByte_;
  size_t longest_ = 0;
};

/** A private-use character that is not in `text`, neither itself nor as a JSON escape. Empty when all 6,400
 * are. */
std::string unusedSentinel(std::string_view text);

}  // namespace hearth
