#pragma once

#include <stdint.h>

/**
 * The threaded mapping of weights that stay in host memory, as native/overrides offers it to the engine. The two are libraries
 * of their own: the engine looks these functions up by name, and finds none where the overrides are off.
 */

#ifdef __cplusplus
extern "C" {
#endif

/** From here on what this thread's load uses of mapped files is mapped page by page by so many threads, and not by llama.cpp. */
typedef void (*hearth_mapping_begin_fn)(uint32_t threads);
/** Waits until all is mapped. `alive` 0: the load has failed, its mappings may have gone, and what is left is not done. */
typedef void (*hearth_mapping_finish_fn)(uint32_t alive);

#ifdef __cplusplus
}
#endif
