#pragma once

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

/** Opens a library of ggml's behind the overrides that are linked into this program, as a runner does it. */
inline void* openBehind(const char* path) {
  void* opened = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (opened != nullptr) return opened;
  std::printf("%s\n", dlerror());
  std::abort();
}

inline void* ggmlBase() {
  static void* const handle = openBehind(HEARTH_GGML_BASE);
  return handle;
}

/** libggml, where devices are registered. */
inline void* ggmlRegistry() {
  static void* const handle = (ggmlBase(), openBehind(HEARTH_GGML));
  return handle;
}

#define FROM_GGML(name) reinterpret_cast<decltype(&name)>(dlsym(ggmlBase(), #name))
