#include "check.h"

int main() {
  for (const check::Case& each : check::cases()) {
    const int before = check::failures();
    each.body();
    std::printf("%s %s\n", check::failures() == before ? "ok" : "FAILED", each.name);
  }
  std::printf("%zu cases, %d failures\n", check::cases().size(), check::failures());
  return check::failures() == 0 ? 0 : 1;
}
