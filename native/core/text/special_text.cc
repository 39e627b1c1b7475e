#include "core/text/special_text.h"

#include <algorithm>
#include <cstdio>

#include "core/text/utf8.h"

namespace hearth {
namespace {

/** The sentinel as a template's `tojson(ensure_ascii=true)` writes it. */
std::string jsonEscape(std::string_view sentinel) {
  const auto byte = [&](size_t index) { return static_cast<unsigned char>(sentinel[index]); };
  const unsigned point = ((byte(0) & 0x0Fu) << 12) | ((byte(1) & 0x3Fu) << 6) | (byte(2) & 0x3Fu);
  char escape[8];
  std::snprintf(escape, sizeof escape, "\\u%04x", point);
  return escape;
}

}  // namespace

SpecialText::SpecialText(std::vector<std::string> texts) : texts_(std::move(texts)) {
  std::erase_if(texts_, [](const std::string& text) {
    return text.empty() || characterLength(text, 0) == text.size();
  });
  for (size_t index = 0; index < texts_.size(); ++index) {
    byFirstByte_[static_cast<unsigned char>(texts_[index][0])].push_back(index);
    longest_ = std::max(longest_, texts_[index].size());
  }
}

bool SpecialText::mustBreak(std::string_view content) const {
  for (size_t at = 0; at < content.size(); ++at) {
    if (longestAt(content, at) > 0) return true;
  }
  return endsLikeOne(content);
}

std::string SpecialText::breakApart(std::string_view content, std::string_view sentinel) const {
  std::string broken;
  broken.reserve(content.size() + 4 * sentinel.size());
  size_t cutAt = std::string_view::npos;
  for (size_t at = 0; at < content.size(); ++at) {
    if (at == cutAt) broken.append(sentinel);
    if (longestAt(content, at) > 0) cutAt = at + characterLength(content, at);
    broken.push_back(content[at]);
  }
  if (endsLikeOne(content)) broken.append(sentinel);
  return broken;
}

std::vector<PromptPiece> SpecialText::split(std::string_view prompt, std::string_view sentinel) const {
  const std::string escape = jsonEscape(sentinel);
  std::string clean;
  clean.reserve(prompt.size());
  std::vector<size_t> cuts;
  for (size_t at = 0; at < prompt.size();) {
    const std::string_view rest = prompt.substr(at);
    const size_t skipped = rest.starts_with(sentinel) ? sentinel.size()
                           : rest.starts_with(escape) ? escape.size()
                                                      : 0;
    if (skipped > 0) {
      cuts.push_back(clean.size());
      at += skipped;
    } else {
      clean.push_back(prompt[at++]);
    }
  }

  std::vector<PromptPiece> pieces;
  size_t done = 0;
  const auto append = [&](size_t from, size_t to, bool parseSpecial) {
    if (from < to) pieces.push_back({clean.substr(from, to - from), parseSpecial});
  };
  for (const size_t cut : cuts) {
    // All special texts that reach over this cut, as one stretch.
    size_t from = cut;
    size_t to = cut;
    for (size_t at = cut >= longest_ ? cut - longest_ + 1 : 0; at < cut; ++at) {
      const size_t length = longestAt(clean, at);
      if (at + length <= cut) continue;
      from = std::min(from, at);
      to = std::max(to, at + length);
    }
    from = std::max(from, done);
    if (from >= to) continue;
    append(done, from, true);
    append(from, to, false);
    done = to;
  }
  append(done, clean.size(), true);
  return pieces;
}

size_t SpecialText::longestAt(std::string_view text, size_t at) const {
  size_t longest = 0;
  for (const size_t index : byFirstByte_[static_cast<unsigned char>(text[at])]) {
    const std::string& special = texts_[index];
    if (special.size() > longest && text.substr(at).starts_with(special)) longest = special.size();
  }
  return longest;
}

bool SpecialText::endsLikeOne(std::string_view text) const {
  const size_t start = text.size() >= longest_ ? text.size() - longest_ + 1 : 0;
  for (size_t at = start; at < text.size(); ++at) {
    const std::string_view tail = text.substr(at);
    for (const size_t index : byFirstByte_[static_cast<unsigned char>(text[at])]) {
      if (texts_[index].size() > tail.size() && std::string_view(texts_[index]).starts_with(tail))
        return true;
    }
  }
  return false;
}

std::string unusedSentinel(std::string_view text) {
  for (unsigned point = 0xE000; point <= 0xF8FF; ++point) {
    const std::string sentinel = {static_cast<char>(0xE0u | (point >> 12)),
                                  static_cast<char>(0x80u | ((point >> 6) & 0x3Fu)),
                                  static_cast<char>(0x80u | (point & 0x3Fu))};
    if (text.find(sentinel) == std::string_view::npos &&
        text.find(jsonEscape(sentinel)) == std::string_view::npos) {
      return sentinel;
    }
  }
  return {};
}

}  // namespace hearth
