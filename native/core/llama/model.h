#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "core/requests.h"
#include "llama-cpp.h"

namespace hearth {

/**
 * Maps a GGUF file and puts its layers on the device. `onProgress` gets 0 to 1 on the calling thread; setting
 * `stop` ends the load. `upload` tells how the weights got there. Throws Failure `model_load_failed`.
 */
llama_model_ptr loadModel(const LoadOptions& options, const std::atomic<bool>& stop,
                          const std::function<void(float)>& onProgress, UploadReport& upload);

/** What the file says about itself; `loadMs` and what depends on the chat template are left to the caller. */
LoadedModel describeModel(const llama_model& model, const LoadOptions& options);

}  // namespace hearth
