#pragma once

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

/** The least that a test of plain C++ needs: named cases, and a check that says where it failed. */
namespace check {

struct Case {
  const char* name;
  std::function<void()> body;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

struct Register {
  Register(const char* name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }
};

inline void that(bool holds, const char* expression, const char* file, int line) {
  if (holds) return;
  ++failures();
  std::printf("  %s:%d: expected %s\n", file, line, expression);
}

}  // namespace check

#define CHECK(expression) check::that((expression), #expression, __FILE__, __LINE__)
#define CHECK_JOIN2(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN2(a, b)
#define TEST(name)                                                                                   \
  static void CHECK_JOIN(testBody, __LINE__)();                                                      \
  static const check::Register CHECK_JOIN(testCase, __LINE__)(name, CHECK_JOIN(testBody, __LINE__)); \
  static void CHECK_JOIN(testBody, __LINE__)()
