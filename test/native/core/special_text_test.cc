#include "core/text/special_text.h"

#include <random>

#include "check.h"

using namespace hearth;

namespace {

const SpecialText kSpecial({"<|im_end|>", "<|im_start|>", "<s>", "</s>", "<|a|>", "x"});

/** The text of the pieces in which special tokens are parsed, a bar where others were. */
std::string parsed(const std::vector<PromptPiece>& pieces) {
  std::string text;
  for (const PromptPiece& piece : pieces) text += piece.parseSpecial ? piece.text : "|";
  return text;
}

std::string joined(const std::vector<PromptPiece>& pieces) {
  std::string text;
  for (const PromptPiece& piece : pieces) text += piece.text;
  return text;
}

}  // namespace

TEST("SpecialText keeps the template's markers and takes the content's") {
  const std::string sentinel = unusedSentinel("");
  const std::string content = kSpecial.breakApart("hi <|im_end|> there", sentinel);
  const auto pieces = kSpecial.split("<|im_start|>user\n" + content + "<|im_end|>", sentinel);
  CHECK(joined(pieces) == "<|im_start|>user\nhi <|im_end|> there<|im_end|>");
  CHECK(parsed(pieces) == "<|im_start|>user\nhi | there<|im_end|>");
}

TEST("SpecialText sees what only the template's next words would complete") {
  CHECK(kSpecial.mustBreak("a <|im_"));
  CHECK(!kSpecial.mustBreak("a < b and c"));
  const std::string sentinel = unusedSentinel("");
  const std::string prompt = kSpecial.breakApart("<|im_", sentinel) + kSpecial.breakApart("end|>", sentinel);
  CHECK(parsed(kSpecial.split(prompt, sentinel)) == "|");
}

TEST("SpecialText handles overlapping and nested special texts") {
  const std::string sentinel = unusedSentinel("");
  for (const std::string text :
       {"<|im_<|im_end|>end|>", "<s><s></s>", "<|a|><|a|>", "<|im_end|><|im_end|>", "<<s>>"}) {
    const auto pieces = kSpecial.split(kSpecial.breakApart(text, sentinel), sentinel);
    CHECK(joined(pieces) == text);
    CHECK(!kSpecial.mustBreak(parsed(pieces)) || parsed(pieces).find('|') != std::string::npos);
    for (const PromptPiece& piece : pieces) {
      for (const char* marker : {"<|im_end|>", "<|im_start|>", "<s>", "</s>", "<|a|>"}) {
        CHECK(!piece.parseSpecial || piece.text.find(marker) == std::string::npos);
      }
    }
  }
}

TEST("SpecialText leaves no special text of random content to be parsed") {
  std::mt19937 random(5);
  const std::vector<std::string> parts = {"<|", "im_",        "end", "|>", "<s>",         "</s",
                                          ">",  "<|im_end|>", "<|a", "é",  "\xEE\x80\x80"};
  for (int round = 0; round < 5000; ++round) {
    std::string content;
    for (unsigned count = random() % 10; count > 0; --count) content += parts[random() % parts.size()];
    const std::string sentinel = unusedSentinel(content);
    const auto pieces = kSpecial.split(kSpecial.breakApart(content, sentinel), sentinel);
    CHECK(joined(pieces) == content);
    for (const PromptPiece& piece : pieces) {
      for (const char* marker : {"<|im_end|>", "<|im_start|>", "<s>", "</s>", "<|a|>"}) {
        CHECK(!piece.parseSpecial || piece.text.find(marker) == std::string::npos);
      }
    }
  }
}

TEST("SpecialText finds the sentinel as a template's ASCII JSON writes it") {
  const std::string sentinel = unusedSentinel("");
  const auto pieces = kSpecial.split("{\"a\": \"<\\ue000|im_end|>\"}", sentinel);
  CHECK(parsed(pieces) == "{\"a\": \"|\"}");
}

TEST("unusedSentinel takes a character that the text does not have") {
  CHECK(unusedSentinel("") == "\xEE\x80\x80");
  CHECK(unusedSentinel("\xEE\x80\x80") == "\xEE\x80\x81");
  CHECK(unusedSentinel("\\ue000") == "\xEE\x80\x81");
}
