#include <cmath>
#include <random>

#include "check.h"
#include "core/text/log_softmax.h"
#include "core/text/output_text.h"
#include "core/text/stop_matcher.h"
#include "core/text/utf8.h"

using namespace hearth;

namespace {

/** `text` fed in random pieces; what came out, and whether a stop string ended it. */
std::pair<std::string, bool> feed(std::vector<std::string> stops, const std::string& text, unsigned seed) {
  std::mt19937 random(seed);
  StopMatcher matcher(std::move(stops));
  std::string released;
  for (size_t at = 0; at < text.size();) {
    const size_t length = 1 + random() % 4;
    if (matcher.push(std::string_view(text).substr(at, length), released)) return {released, true};
    at += length;
  }
  matcher.finish(released);
  return {released, false};
}

}  // namespace

TEST("StopMatcher finds the earliest stop string however the text is cut") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CHECK(feed({"END", "xyz"}, "some text xyEND and xyz", seed) ==
          std::make_pair(std::string("some text xy"), true));
    CHECK(feed({"aab"}, "aaaab", seed) == std::make_pair(std::string("aa"), true));
    CHECK(feed({"never", ""}, "neve neve", seed) == std::make_pair(std::string("neve neve"), false));
  }
}

TEST("StopMatcher keeps back no more than may become a stop string") {
  StopMatcher matcher({"###"});
  std::string released;
  CHECK(!matcher.push("abc#", released));
  CHECK(released == "abc");
  CHECK(!matcher.push("d##", released));
  CHECK(released == "abc#d");
  CHECK(matcher.push("#tail", released));
  CHECK(released == "abc#d");
}

TEST("Utf8Decoder gives whole characters only") {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Utf8Decoder decoder;
    std::string out;
    decoder.push(std::string_view(text).substr(0, cut), out);
    CHECK(toValidUtf8(out) == out && text.starts_with(out));
    decoder.push(std::string_view(text).substr(cut), out);
    decoder.finish(out);
    CHECK(out == text);
  }
}

TEST("Utf8Decoder replaces what can never be a character, each maximal part once") {
  CHECK(toValidUtf8("\xFFx") == "\xEF\xBF\xBDx");
  CHECK(toValidUtf8("\xE2\x82") == "\xEF\xBF\xBD");
  CHECK(toValidUtf8("\xE2\x82x") == "\xEF\xBF\xBDx");
  CHECK(toValidUtf8("\xC0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(toValidUtf8("\xED\xA0\x80").size() == 9);
  CHECK(toValidUtf8("\xF4\x90\x80\x80").size() == 12);
}

TEST("Utf8Decoder makes any bytes valid and leaves its own output alone") {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(random() % 12, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 256);
    const std::string once = toValidUtf8(bytes);
    CHECK(toValidUtf8(once) == once);
  }
}

TEST("OutputText counts a token when its text is out") {
  OutputText output({"stop"});
  std::string text;
  CHECK(!output.push("a", text));
  CHECK(output.takeTokens() == 1);
  CHECK(!output.push("\xC3", text));
  CHECK(output.takeTokens() == 0);
  CHECK(!output.push("\xA9st", text));
  CHECK(text == "a\xC3\xA9");
  // The character is out, the token that completed it holds the beginning of a stop string too.
  CHECK(!output.push("x", text));
  CHECK(output.takeTokens() == 3);
  CHECK(!output.push("st", text));
  CHECK(output.push("op!", text));
  CHECK(output.takeTokens() == 0);
  CHECK(text == "a\xC3\xA9stx");
}

TEST("OutputText counts a token that a stop string cuts in two") {
  OutputText output({"stop"});
  std::string text;
  CHECK(output.push("abc stop", text));
  CHECK(text == "abc ");
  CHECK(output.takeTokens() == 1);
}

TEST("OutputText ends an incomplete character as a replacement") {
  OutputText output({});
  std::string text;
  output.push("a\xE2\x82", text);
  output.finish(text);
  CHECK(text == "a\xEF\xBF\xBD");
  CHECK(output.takeTokens() == 1);
}

TEST("logSoftmax gives probabilities that sum to one, the highest first") {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 20);
  std::vector<float> logits(1000);
  for (float& logit : logits) logit = normal(random);
  const TokenLogprobs result = logSoftmax(logits, 17, 2000);
  double sum = 0;
  for (const RankedLogprob& ranked : result.top) sum += std::exp(ranked.logprob);
  CHECK(std::abs(sum - 1) < 1e-9);
  CHECK(result.top.size() == 1000 && result.top[0].token == argmax(logits));
  for (size_t rank = 1; rank < result.top.size(); ++rank)
    CHECK(result.top[rank - 1].logprob >= result.top[rank].logprob);
  for (const RankedLogprob& ranked : result.top) CHECK(ranked.token != 17 || ranked.logprob == result.chosen);
}

TEST("logSoftmax gives finite numbers for impossible tokens") {
  const std::vector<float> logits = {1, -INFINITY, 2};
  CHECK(std::isfinite(logSoftmax(logits, 1, 3).chosen));
  CHECK(logSoftmax(logits, 0, 0).top.empty());
}

TEST("argmax takes the first of equals") {
  CHECK(argmax(std::vector<float>{1, 3, 3, 2}) == 1);
  CHECK(argmax(std::vector<float>{-5}) == 0);
}
