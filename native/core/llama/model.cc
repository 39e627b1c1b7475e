#include "core/llama/model.h"

#include <cstdio>

#include "core/failure.h"
#include "core/llama/mapping.h"
#include "core/llama/upload.h"

namespace hearth {
namespace {

struct LoadWatch {
  const std::atomic<bool>& stop;
  const std::function<void(float)>& onProgress;
};

bool onLoadProgress(float fraction, void* user) {
  const auto* watch = static_cast<const LoadWatch*>(user);
  watch->onProgress(fraction);
  return !watch->stop.load();
}

void requireReadable(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr)
    throw Failure("model_load_failed", "Cannot load model \"" + path + "\": the file does not open");
  std::fclose(file);
}

std::string metadata(const llama_model& model, const char* key) {
  char value[256];
  const int32_t length = llama_model_meta_val_str(&model, key, value, sizeof value);
  return length < 0 ? std::string() : std::string(value);
}

llama_model_params paramsOf(const LoadOptions& options) {
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = options.deviceLayers;
  params.load_mode = options.useMmap ? LLAMA_LOAD_MODE_MMAP : LLAMA_LOAD_MODE_NONE;
  params.use_extra_bufts = options.repack;
  return params;
}

/** null when llama.cpp refuses the file or was told to stop. */
llama_model_ptr loadBy(UploadMode mode, const LoadOptions& options, const llama_model_params& params,
                       UploadReport& report) {
  Upload upload(mode, options.useMmap);
  llama_model_ptr model(llama_model_load_from_file(options.path.c_str(), params));
  if (model) report = upload.finish();
  return model;
}

/** null: none. */
ggml_backend_dev_t deviceOf(const LoadOptions& options) {
  if (options.deviceLayers == 0 || options.device.empty()) return nullptr;
  ggml_backend_dev_t device = ggml_backend_dev_by_name(options.device.c_str());
  if (device != nullptr) return device;
  throw Failure("model_load_failed", "Cannot load model \"" + options.path + "\": there is no device \"" +
                                         options.device + "\"");
}

}  // namespace

llama_model_ptr loadModel(const LoadOptions& options, const std::atomic<bool>& stop,
                          const std::function<void(float)>& onProgress, UploadReport& upload) {
  requireReadable(options.path);
  LoadWatch watch{stop, onProgress};
  llama_model_params params = paramsOf(options);
  // On this one alone. Without layers on it a device would still compute long prompts, from weights that it copies
  // each time.
  ggml_backend_dev_t devices[] = {deviceOf(options), nullptr};
  params.devices = devices;
  params.progress_callback = onLoadProgress;
  params.progress_callback_user_data = &watch;
  // What is repacked is read once, by one thread; what goes to a device is mapped by those who bring it there.
  ThreadedMapping mapping(options.path, devices[0] == nullptr && options.useMmap && !options.repack);
  const UploadMode mode = devices[0] == nullptr ? UploadMode::plain : options.upload;
  llama_model_ptr model = loadBy(mode, options, params, upload);
  // What a device holds wrongly is never used. The file is as it was: now without our threads.
  if (model && upload.differing > 0) {
    model.reset();
    UploadReport plain;
    model = loadBy(UploadMode::plain, options, params, plain);
  }
  if (model) {
    mapping.finish();
    return model;
  }
  if (stop.load())
    throw Failure("closed", "Cannot load model \"" + options.path + "\": the engine was closed");
  throw Failure("model_load_failed", "Cannot load model \"" + options.path +
                                         "\": llama.cpp refuses the file, see the log for its reason");
}

LoadedModel describeModel(const llama_model& model, const LoadOptions& options) {
  LoadedModel info;
  char description[128];
  llama_model_desc(&model, description, sizeof description);
  info.description = description;
  info.architecture = metadata(model, "general.architecture");
  info.weightBytes = llama_model_size(&model);
  info.vocabularySize = llama_vocab_n_tokens(llama_model_get_vocab(&model));
  info.embeddingLength = llama_model_n_embd_out(&model);
  info.trainedContextTokens = llama_model_n_ctx_train(&model);
  info.contextTokens = options.contextTokens > 0 ? options.contextTokens : info.trainedContextTokens;
  return info;
}

}  // namespace hearth
