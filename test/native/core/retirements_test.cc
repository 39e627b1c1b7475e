#include "core/retirements.h"

#include <string>
#include <vector>

#include "check.h"

using namespace hearth;

namespace {

struct Answers {
  std::vector<std::string> codes;
  Completion<Done> taker() {
    return [this](const Outcome<Done>& outcome) {
      const auto* failure = std::get_if<Failure>(&outcome);
      codes.emplace_back(failure == nullptr ? "done" : failure->code);
    };
  }
};

}  // namespace

TEST("Retirements answer at once when nothing retires") {
  Retirements retirements;
  Answers answers;
  retirements.wait("a", answers.taker());
  CHECK(answers.codes == std::vector<std::string>{"done"});
}

TEST("Retirements answer when the last context of the combo has gone") {
  Retirements retirements;
  Answers answers;
  const int contexts[3] = {};
  retirements.begin(&contexts[0], "a");
  retirements.begin(&contexts[1], "a");
  retirements.begin(&contexts[2], "b");
  retirements.wait("a", answers.taker());
  retirements.wait("a", answers.taker());
  retirements.end(&contexts[2]);
  retirements.end(&contexts[0]);
  CHECK(answers.codes.empty());
  CHECK(!retirements.has(&contexts[0]));
  CHECK(retirements.has(&contexts[1]));
  retirements.end(&contexts[1]);
  CHECK((answers.codes == std::vector<std::string>{"done", "done"}));
  retirements.wait("a", answers.taker());
  CHECK(answers.codes.size() == 3);
}

TEST("Retirements forget all and tell who waits why") {
  Retirements retirements;
  Answers answers;
  const int contexts[2] = {};
  retirements.begin(&contexts[0], "a");
  retirements.begin(&contexts[1], "b");
  retirements.wait("a", answers.taker());
  retirements.wait("b", answers.taker());
  retirements.fail(Failure("closed", "Cannot wait"));
  CHECK((answers.codes == std::vector<std::string>{"closed", "closed"}));
  CHECK(!retirements.has(&contexts[0]));
  retirements.end(&contexts[0]);
  CHECK(answers.codes.size() == 2);
}

TEST("Retirements take a wait from within an answer") {
  Retirements retirements;
  Answers answers;
  const int context = 0;
  retirements.begin(&context, "a");
  retirements.wait("a", [&](const Outcome<Done>&) { retirements.wait("a", answers.taker()); });
  retirements.end(&context);
  CHECK(answers.codes == std::vector<std::string>{"done"});
}
