#include "overrides/upload/ggml_api.h"

namespace hearth::upload {

const GgmlApi& ggml() {
#define HEARTH_FIND(name) reinterpret_cast<decltype(&::name)>(originalOf(#name)),
  static const GgmlApi api{HEARTH_GGML_FUNCTIONS(HEARTH_FIND)};
#undef HEARTH_FIND
  return api;
}

}  // namespace hearth::upload
