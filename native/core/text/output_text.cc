#include "core/text/output_text.h"

namespace hearth {

bool OutputText::push(std::string_view tokenBytes, std::string& text) {
  decoded_.clear();
  spans_.push_back({decodedLength_, kOpen});
  decoder_.push(tokenBytes, decoded_);
  decodedLength_ += decoded_.size();
  if (decoder_.pendingBytes() == 0) closeSpans();
  const size_t before = text.size();
  ended_ = stops_.push(decoded_, text);
  releasedLength_ += text.size() - before;
  return ended_;
}

void OutputText::finish(std::string& text) {
  if (ended_) return;
  decoded_.clear();
  decoder_.finish(decoded_);
  decodedLength_ += decoded_.size();
  closeSpans();
  const size_t before = text.size();
  ended_ = stops_.push(decoded_, text);
  if (!ended_) stops_.finish(text);
  releasedLength_ += text.size() - before;
  ended_ = true;
}

/** A character is whole: every token that gave a part of it ends here. */
void OutputText::closeSpans() {
  for (auto span = spans_.rbegin(); span != spans_.rend() && span->to == kOpen; ++span)
    span->to = decodedLength_;
}

size_t OutputText::takeTokens() {
  size_t count = 0;
  while (!spans_.empty()) {
    const TokenSpan& span = spans_.front();
    const bool whole = span.to != kOpen && span.to <= releasedLength_;
    const bool cut = ended_ && span.from < releasedLength_;
    if (!whole && !cut) break;
    spans_.pop_front();
    ++count;
  }
  return count;
}

}  // namespace hearth
