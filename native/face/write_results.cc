#include "face/write_results.h"

#include <algorithm>

namespace hearth::face {

Napi::Error nativeError(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.what());
  error.Set("code", Napi::String::New(env, failure.code));
  return error;
}

Napi::Object write(Napi::Env env, const BackendInfo& info) {
  Napi::Array devices = Napi::Array::New(env, info.devices.size());
  for (uint32_t index = 0; index < info.devices.size(); ++index) {
    const DeviceInfo& device = info.devices[index];
    Napi::Object object = Napi::Object::New(env);
    object.Set("name", device.name);
    object.Set("description", device.description);
    object.Set("kind", device.kind);
    object.Set("totalBytes", static_cast<double>(device.totalBytes));
    object.Set("freeBytes", static_cast<double>(device.freeBytes));
    object.Set("contextBytes", device.contextBytes
                                   ? Napi::Number::New(env, static_cast<double>(*device.contextBytes))
                                   : env.Null());
    object.Set("busId", device.busId ? Napi::String::New(env, *device.busId) : env.Null());
    devices.Set(index, object);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("devices", devices);
  object.Set("systemInfo", info.systemInfo);
  object.Set("initMs", info.initMs);
  return object;
}

namespace {

Napi::Object writeUpload(Napi::Env env, const UploadReport& upload) {
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](const char* name, double value) { object.Set(name, value); };
  set("tensors", static_cast<double>(upload.tensors));
  set("bytes", static_cast<double>(upload.bytes));
  set("plainBytes", static_cast<double>(upload.plainBytes));
  set("lanes", upload.lanes);
  set("ringBytes", static_cast<double>(upload.ringBytes));
  set("openMs", upload.openMs);
  set("copyMs", upload.copyMs);
  set("drainMs", upload.drainMs);
  set("checkMs", upload.checkMs);
  set("differing", static_cast<double>(upload.differing));
  object.Set("checked", upload.checked);
  if (!upload.plainReason.empty()) object.Set("plainReason", upload.plainReason);
  return object;
}

}  // namespace

Napi::Object write(Napi::Env env, const LoadedModel& model) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("loadMs", model.loadMs);
  object.Set("weightBytes", static_cast<double>(model.weightBytes));
  object.Set("architecture", model.architecture);
  object.Set("description", model.description);
  object.Set("vocabularySize", model.vocabularySize);
  object.Set("embeddingLength", model.embeddingLength);
  object.Set("trainedContextTokens", model.trainedContextTokens);
  object.Set("contextTokens", model.contextTokens);
  object.Set("hasChatTemplate", model.hasChatTemplate);
  object.Set("supportsTools", model.supportsTools);
  object.Set("upload", writeUpload(env, model.upload));
  return object;
}

Napi::Object write(Napi::Env env, const AttachedCombo& combo) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("onDevice", env.Null());
  if (combo.onDevice) {
    Napi::Object onDevice = Napi::Object::New(env);
    onDevice.Set("contextBytes", static_cast<double>(combo.onDevice->contextBytes));
    onDevice.Set("weightBytes", static_cast<double>(combo.onDevice->weightBytes));
    object.Set("onDevice", onDevice);
  }
  object.Set("attachMs", combo.attachMs);
  object.Set("contextMs", combo.contextMs);
  object.Set("ownContext", combo.ownContext);
  object.Set("kvBytes", static_cast<double>(combo.kvBytes));
  object.Set("computeBytes", static_cast<double>(combo.computeBytes));
  return object;
}

Napi::Object write(Napi::Env env, const ResizedCombo& combo) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("resizeMs", combo.resizeMs);
  object.Set("sequences", combo.sequences);
  object.Set("kvBytes", static_cast<double>(combo.kvBytes));
  object.Set("computeBytes", static_cast<double>(combo.computeBytes));
  return object;
}

Napi::Object write(Napi::Env env, const EmbedResult& result) {
  Napi::Array vectors = Napi::Array::New(env, result.vectors.size());
  Napi::Array tokens = Napi::Array::New(env, result.tokens.size());
  for (uint32_t index = 0; index < result.vectors.size(); ++index) {
    Napi::Float32Array vector = Napi::Float32Array::New(env, result.vectors[index].size());
    std::ranges::copy(result.vectors[index], vector.Data());
    vectors.Set(index, vector);
    tokens.Set(index, result.tokens[index]);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("vectors", vectors);
  object.Set("tokens", tokens);
  return object;
}

Napi::Object write(Napi::Env env, const Counters& counters) {
  Napi::Object object = Napi::Object::New(env);
  const auto set = [&](const char* name, uint64_t value) { object.Set(name, static_cast<double>(value)); };
  set("requests", counters.requests);
  set("cancelledRequests", counters.cancelledRequests);
  set("promptTokens", counters.promptTokens);
  set("decodedTokens", counters.decodedTokens);
  set("maxTokensAfterCancel", counters.maxTokensAfterCancel);
  set("decodeCalls", counters.decodeCalls);
  set("batchTokens", counters.batchTokens);
  set("possibleBatchTokens", counters.possibleBatchTokens);
  set("batchSequences", counters.batchSequences);
  set("possibleBatchSequences", counters.possibleBatchSequences);
  set("kvCellSteps", counters.kvCellSteps);
  set("possibleKvCellSteps", counters.possibleKvCellSteps);
  set("adapterSwitches", counters.adapterSwitches);
  set("activeSequences", counters.activeSequences);
  set("waitingRequests", counters.waitingRequests);
  set("embeddings", counters.embeddings);
  set("progress", counters.progress);
  set("contexts", counters.contexts);
  set("kvBytes", counters.kvBytes);
  set("kvCells", counters.kvCells);
  set("usedKvCells", counters.usedKvCells);
  object.Set("threads", counters.threads);
  return object;
}

}  // namespace hearth::face
