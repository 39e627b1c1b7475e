#pragma once

#include <cstddef>

namespace hearth {

/** Below this a plain memset is as fast as asking the kernel. */
inline constexpr size_t kLeastGivenBackBytes = size_t{1} << 20;

/**
 * Makes `bytes` at `base` zero without touching them where that can be: whole pages are given back to the
 * kernel, which gives zeroed ones at the next touch (madvise(2), MADV_DONTNEED on private anonymous memory).
 * Edges, and every page that is still there afterwards, are written. The memory must be private and
 * anonymous, as malloc's is, and in use by nobody else. Returns how many bytes were given back: 0 when the
 * kernel refuses, for locked memory for example.
 */
size_t zeroPrivateMemory(void* base, size_t bytes);

}  // namespace hearth
