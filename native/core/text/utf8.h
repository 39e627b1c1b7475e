#pragma once

#include <string>
#include <string_view>

namespace hearth {

/**
 * Turns a stream of bytes into valid UTF-8 text. A token can be a part of a character: its bytes are kept
 * back until the character is whole. Bytes that can never become one are U+FFFD each maximal part, as Unicode
 * 15 chapter 3.9 has it.
 */
class Utf8Decoder {
 public:
  /** Appends what `bytes` completes to `text`. */
  void push(std::string_view bytes, std::string& text);
  /** The end of the stream: an incomplete character becomes U+FFFD. */
  void finish(std::string& text);
  /** Bytes of a character that is not whole yet, 0 to 3. */
  size_t pendingBytes() const { return pending_.size(); }

 private:
  std::string pending_;
};

/** `bytes` as valid UTF-8. */
std::string toValidUtf8(std::string_view bytes);

/** Length of the character that starts at `text[at]`, 1 to 4, and never past the end. `text` is valid UTF-8.
 */
size_t characterLength(std::string_view text, size_t at);

}  // namespace hearth
