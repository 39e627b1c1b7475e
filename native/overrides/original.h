#pragma once

namespace hearth {

/**
 * The function `name` of libggml-base, which one of the same name in this library hides. A handle is asked:
 * RTLD_NEXT finds nothing for libraries that were opened one by one. Ends the process when there is none:
 * llama.cpp's libraries are open, or nobody would have called.
 */
void* originalOf(const char* name);

/** A function of libggml-base that is not overridden. This library is opened before it, so nothing can be
 * linked. */
void* ggmlFunction(const char* name);

}  // namespace hearth
