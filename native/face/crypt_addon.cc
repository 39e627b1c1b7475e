#include <napi.h>

#include <cmath>

#include "core/crypt/cipher.h"
#include "core/crypt/transfer.h"
#include "face/crypt_jobs.h"

namespace hearth::face {
namespace {

/** CRYPT_ADDON_VERSION of cryptTypes.ts. */
constexpr int kAddonVersion = 1;
constexpr unsigned kMostThreads = 64;

/** EncryptOptions, or TransferOptions without the name. Held by the thread that works with them. */
struct Options {
  crypt::Transfer transfer;
  crypt::SecretKey key;
  std::string keyName;
};

std::string readText(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsEmpty() || !value.IsString())
    throw Failure("invalid_argument", "property \"" + std::string(name) + "\", expected a string");
  return value.As<Napi::String>().Utf8Value();
}

unsigned readThreads(const Napi::Object& object) {
  const Napi::Value value = object.Get("threads");
  const double threads = !value.IsEmpty() && value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
  if (!(threads >= 1 && threads <= kMostThreads) || threads != std::floor(threads))
    throw Failure("invalid_argument", "property \"threads\", expected a whole number from 1 to 64");
  return static_cast<unsigned>(threads);
}

crypt::SecretKey readKey(const Napi::Object& object) {
  const Napi::Value value = object.Get("key");
  if (!value.IsEmpty() && value.IsTypedArray()) {
    const auto array = value.As<Napi::TypedArray>();
    if (array.TypedArrayType() == napi_uint8_array && array.ByteLength() == crypt::kKeyBytes) {
      const auto* bytes = reinterpret_cast<const std::byte*>(array.As<Napi::Uint8Array>().Data());
      return crypt::SecretKey(std::span<const std::byte, crypt::kKeyBytes>(bytes, crypt::kKeyBytes));
    }
  }
  throw Failure("invalid_argument", "property \"key\", expected 32 bytes");
}

std::shared_ptr<const Options> readOptions(const Napi::Value& value, bool encrypts) {
  if (!value.IsObject()) throw Failure("invalid_argument", "expected an object");
  const auto object = value.As<Napi::Object>();
  return std::make_shared<const Options>(
      Options{{readText(object, "input"), readText(object, "output"), readThreads(object)},
              readKey(object),
              encrypts ? readText(object, "keyName") : std::string()});
}

CryptJobs& jobsOf(Napi::Env env) { return *env.GetInstanceData<CryptJobs>(); }

Napi::Value Transfer(const Napi::CallbackInfo& info, bool encrypts) {
  const Napi::Env env = info.Env();
  const std::string verb = encrypts ? "Cannot encrypt" : "Cannot decrypt";
  try {
    const auto options = readOptions(info[0], encrypts);
    const std::string action = verb + " \"" + options->transfer.input + "\"";
    return jobsOf(env).start(env, action, [options, encrypts](crypt::Progress& progress) {
      return encrypts ? crypt::encryptFile(options->transfer, options->key, options->keyName, progress)
                      : crypt::decryptFile(options->transfer, options->key, progress);
    });
  } catch (const Failure& failure) {
    cryptError(env, Failure(failure.code, verb + ": " + failure.what())).ThrowAsJavaScriptException();
    return env.Undefined();
  }
}

Napi::Value Encrypt(const Napi::CallbackInfo& info) { return Transfer(info, true); }

Napi::Value Decrypt(const Napi::CallbackInfo& info) { return Transfer(info, false); }

Napi::Value Inspect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString()) {
    cryptError(env, Failure("invalid_argument", "Cannot inspect a container: expected its path"))
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const auto work = [path](crypt::Progress&) { return crypt::inspectContainer(path); };
  return jobsOf(env).start(env, "Cannot inspect \"" + path + "\"", work).Get("done");
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new CryptJobs(env));
  exports.Set("addonVersion", kAddonVersion);
  exports.Set("encrypt", Napi::Function::New(env, Encrypt, "encrypt"));
  exports.Set("decrypt", Napi::Function::New(env, Decrypt, "decrypt"));
  exports.Set("inspect", Napi::Function::New(env, Inspect, "inspect"));
  return exports;
}

NODE_API_MODULE(hearth_crypt, Init)

}  // namespace
}  // namespace hearth::face
