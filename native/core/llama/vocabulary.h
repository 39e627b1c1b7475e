#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/special_text.h"
#include "llama.h"

namespace hearth {

/** A model's tokens and texts. Immutable, used from any thread. */
class Vocabulary {
 public:
  /** `templateSource`: special tokens that a user defined are kept out of content when the chat template uses
   * them. */
  Vocabulary(const llama_vocab* vocab, std::string_view templateSource);

  const llama_vocab* raw() const { return vocab_; }
  int32_t size() const { return size_; }
  bool isEndOfGeneration(llama_token token) const { return llama_vocab_is_eog(vocab_, token); }
  /** The token's bytes, perhaps part of a character. Special tokens are empty unless `withSpecial`. */
  void appendPiece(llama_token token, bool withSpecial, std::string& bytes) const;
  /** `addSpecial`: what the model wants around a prompt, such as BOS. */
  std::vector<llama_token> tokenise(std::string_view text, bool addSpecial, bool parseSpecial) const;
  /** The pieces of a prompt one after another, BOS in front when the model wants it and the prompt does not
   * have it. */
  std::vector<llama_token> tokenise(const std::vector<PromptPiece>& pieces) const;
  /** What an empty prompt starts from: BOS, or the end-of-text token of models without it. */
  llama_token startToken() const;
  const SpecialText& specialText() const { return specialText_; }

 private:
  const llama_vocab* vocab_;
  int32_t size_;
  SpecialText specialText_;
};

}  // namespace hearth
