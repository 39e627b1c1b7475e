#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "core/outcomes.h"

namespace hearth {

/**
 * Contexts that were replaced and still have requests to finish, by the combo that they are of, and who waits
 * for them to go. One thread only.
 */
class Retirements {
 public:
  void begin(const void* context, std::string combo);
  bool has(const void* context) const { return combos_.contains(context); }
  /** The context has gone; who waited for the last one of its combo is answered. */
  void end(const void* context);
  /** Answers when no context of the combo retires, at once when none does. */
  void wait(const std::string& combo, Completion<Done> done);
  /** Forgets all contexts and answers everybody with `failure`. */
  void fail(const Failure& failure);

 private:
  std::unordered_map<const void*, std::string> combos_;
  std::unordered_map<std::string, std::vector<Completion<Done>>> waits_;
};

}  // namespace hearth
