#include "overrides/original.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

namespace hearth {
namespace {

[[noreturn]] void endWithout(const char* name) {
  std::fprintf(stderr, "Cannot find \"%s\" in llama.cpp's libraries: expected them to be open\n", name);
  std::abort();
}

}  // namespace

void* ggmlFunction(const char* name) {
  void* function = dlsym(RTLD_DEFAULT, name);
  if (function == nullptr) endWithout(name);
  return function;
}

void* originalOf(const char* name) {
  Dl_info library{};
  // Where a function lies that nobody overrides says which file the library is.
  if (dladdr(ggmlFunction("ggml_backend_buffer_get_type"), &library) == 0) endWithout(name);
  void* handle = dlopen(library.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == nullptr) endWithout(name);
  void* function = dlsym(handle, name);
  dlclose(handle);
  if (function == nullptr) endWithout(name);
  return function;
}

}  // namespace hearth
