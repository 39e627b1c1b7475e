#pragma once

#include <napi.h>

#include <optional>
#include <string>
#include <vector>

#include "core/requests.h"

namespace hearth::face {

/**
 * Reads properties of an options object. TypeScript has validated them; this keeps wrong types and ranges
 * from reaching the core. The first thing that is wrong is remembered, and the values read after it mean
 * nothing.
 */
class Reader {
 public:
  explicit Reader(Napi::Value value);

  bool failed() const { return !problem_.empty(); }
  const std::string& problem() const { return problem_; }
  void fail(const char* name, const char* expected);

  Napi::Value get(const char* name);
  /** Neither absent nor null. */
  bool has(const char* name);
  std::string text(const char* name);
  bool flag(const char* name);
  double number(const char* name, double least, double most);
  int32_t integer(const char* name, int32_t least, int32_t most);
  Napi::Array list(const char* name);

 private:
  Napi::Object object_;
  std::string problem_;
};

/** Token ids; anything that is no 32-bit number becomes -1, which the engine refuses by its range. */
std::vector<int32_t> readTokens(Napi::Array list);

LoadOptions readLoadOptions(Reader& reader);
AttachOptions readAttachOptions(Reader& reader);
ResizeOptions readResizeOptions(Reader& reader);
GenerateOptions readGenerateOptions(Reader& reader);

}  // namespace hearth::face
