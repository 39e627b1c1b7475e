#include "core/text/utf8.h"

#include <algorithm>

namespace hearth {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

enum class Verdict { whole, incomplete, invalid };

struct Character {
  Verdict verdict;
  size_t length;
};

/** Well-formed byte sequences of Unicode 15, table 3-7: the second byte's range depends on the first. */
Character characterAt(std::string_view bytes, size_t at) {
  const auto byte = [&](size_t index) { return static_cast<unsigned char>(bytes[index]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {Verdict::whole, 1};
  if (first < 0xC2 || first > 0xF4) return {Verdict::invalid, 1};
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  for (size_t step = 1; step < length; ++step) {
    if (at + step >= bytes.size()) return {Verdict::incomplete, step};
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (step == 1) {
      if (first == 0xE0) low = 0xA0;
      if (first == 0xED) high = 0x9F;
      if (first == 0xF0) low = 0x90;
      if (first == 0xF4) high = 0x8F;
    }
    if (byte(at + step) < low || byte(at + step) > high) return {Verdict::invalid, step};
  }
  return {Verdict::whole, length};
}

}  // namespace

void Utf8Decoder::push(std::string_view bytes, std::string& text) {
  std::string joined;
  if (!pending_.empty()) {
    joined = std::move(pending_);
    pending_.clear();
    joined.append(bytes);
    bytes = joined;
  }
  for (size_t at = 0; at < bytes.size();) {
    const Character character = characterAt(bytes, at);
    if (character.verdict == Verdict::incomplete) {
      pending_.assign(bytes.substr(at));
      return;
    }
    text.append(character.verdict == Verdict::whole ? bytes.substr(at, character.length) : kReplacement);
    at += character.length;
  }
}

void Utf8Decoder::finish(std::string& text) {
  if (pending_.empty()) return;
  pending_.clear();
  text.append(kReplacement);
}

std::string toValidUtf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  Utf8Decoder decoder;
  decoder.push(bytes, text);
  decoder.finish(text);
  return text;
}

size_t characterLength(std::string_view text, size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(length, text.size() - at);
}

}  // namespace hearth
