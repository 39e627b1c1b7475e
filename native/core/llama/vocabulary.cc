#include "core/llama/vocabulary.h"

namespace hearth {
namespace {

/**
 * The texts that must not come from content: all control tokens, and of the user-defined ones those that look
 * like markup and that the template writes (such as <tool_call>). Others, such as runs of spaces, are
 * ordinary text.
 */
std::vector<std::string> specialTexts(const llama_vocab* vocab, std::string_view templateSource) {
  std::vector<std::string> texts;
  for (llama_token token = 0; token < llama_vocab_n_tokens(vocab); ++token) {
    const auto attributes = llama_vocab_get_attr(vocab, token);
    const std::string_view text = llama_vocab_get_text(vocab, token);
    const bool control = (attributes & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) != 0;
    const bool markup = (attributes & LLAMA_TOKEN_ATTR_USER_DEFINED) != 0 && text.size() > 2 &&
                        (text.front() == '<' || text.front() == '[') &&
                        templateSource.find(text) != std::string_view::npos;
    if (control || markup) texts.emplace_back(text);
  }
  return texts;
}

}  // namespace

Vocabulary::Vocabulary(const llama_vocab* vocab, std::string_view templateSource)
    : vocab_(vocab), size_(llama_vocab_n_tokens(vocab)), specialText_(specialTexts(vocab, templateSource)) {}

void Vocabulary::appendPiece(llama_token token, bool withSpecial, std::string& bytes) const {
  char piece[64];
  const int32_t length = llama_token_to_piece(vocab_, token, piece, sizeof piece, 0, withSpecial);
  if (length >= 0) {
    bytes.append(piece, static_cast<size_t>(length));
    return;
  }
  const size_t start = bytes.size();
  bytes.resize(start + static_cast<size_t>(-length));
  llama_token_to_piece(vocab_, token, bytes.data() + start, -length, 0, withSpecial);
}

std::vector<llama_token> Vocabulary::tokenise(std::string_view text, bool addSpecial,
                                              bool parseSpecial) const {
  std::vector<llama_token> tokens(text.size() / 3 + 8);
  const auto attempt = [&] {
    return llama_tokenize(vocab_, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                          static_cast<int32_t>(tokens.size()), addSpecial, parseSpecial);
  };
  int32_t count = attempt();
  if (count < 0) {
    tokens.resize(static_cast<size_t>(-count));
    count = attempt();
  }
  tokens.resize(static_cast<size_t>(count < 0 ? 0 : count));
  return tokens;
}

std::vector<llama_token> Vocabulary::tokenise(const std::vector<PromptPiece>& pieces) const {
  std::vector<llama_token> tokens;
  for (const PromptPiece& piece : pieces) {
    const std::vector<llama_token> more = tokenise(piece.text, tokens.empty(), piece.parseSpecial);
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  const llama_token bos = llama_vocab_bos(vocab_);
  // The text brought its own BOS and the tokeniser added one: models are trained with one.
  if (bos != LLAMA_TOKEN_NULL && tokens.size() > 1 && tokens[0] == bos && tokens[1] == bos)
    tokens.erase(tokens.begin());
  return tokens;
}

llama_token Vocabulary::startToken() const {
  const llama_token bos = llama_vocab_bos(vocab_);
  return bos != LLAMA_TOKEN_NULL ? bos : llama_vocab_eos(vocab_);
}

}  // namespace hearth
