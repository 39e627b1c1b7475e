#include <napi.h>

#include <time.h>

#include <cstring>
#include <memory>

#include "core/crypt/cipher.h"
#include "core/crypt/crew.h"
#include "core/failure.h"

/**
 * What the threads of a transfer do to chunks that are in memory already, and a plain copy of the same chunks. An addon, so
 * that it runs with Node's own OpenSSL; compiled by bench/crypt/buildThroughput.ts with the flags of native/binding.gyp.
 */
namespace {

using namespace hearth::crypt;

double secondsOf(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/** Chunks of one container, in pages that are there. */
class Memory {
 public:
  explicit Memory(uint64_t chunks) : bytes_(chunks * kChunkBytes), memory_(new std::byte[bytes_]) {
    std::memset(memory_.get(), 1, bytes_);
  }
  std::span<std::byte> chunk(uint64_t index) const {
    return {memory_.get() + index * kChunkBytes, kChunkBytes};
  }
  uint64_t bytes() const { return bytes_; }

 private:
  const uint64_t bytes_;
  const std::unique_ptr<std::byte[]> memory_;
};

struct Scene {
  Scene(uint64_t chunkCount, clockid_t clockId)
      : chunks(chunkCount),
        clock(clockId),
        source(chunkCount),
        target(chunkCount),
        cipher(makeHeader(source.bytes(), "bench", SecretKey()), SecretKey()),
        tags(chunkCount) {}

  template <typename Step>
  double seconds(unsigned threads, const Step& step) {
    const double start = secondsOf(clock);
    runCrew(chunks, threads, [&] { return step; });
    return secondsOf(clock) - start;
  }

  const uint64_t chunks;
  const clockid_t clock;
  const Memory source;
  const Memory target;
  const Cipher cipher;
  std::vector<std::array<std::byte, kTagBytes>> tags;
};

/** measure(chunks, threads, cpuTime): seconds, or those of this thread's CPU, of a copy, of sealing and of opening in place. */
Napi::Value Measure(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto chunks = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
  const auto threads = static_cast<unsigned>(info[1].As<Napi::Number>().Uint32Value());
  Scene scene(chunks, info[2].As<Napi::Boolean>().Value() ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC);
  Napi::Object result = Napi::Object::New(env);
  result.Set("copy", scene.seconds(threads, [&](uint64_t chunk) {
    std::memcpy(scene.target.chunk(chunk).data(), scene.source.chunk(chunk).data(), kChunkBytes);
  }));
  result.Set("encrypt", scene.seconds(threads, [&](uint64_t chunk) {
    if (!scene.cipher.seal(chunk, scene.target.chunk(chunk), scene.tags[chunk])) std::abort();
  }));
  result.Set("decrypt", scene.seconds(threads, [&](uint64_t chunk) {
    if (!scene.cipher.open(chunk, scene.target.chunk(chunk), scene.tags[chunk])) std::abort();
  }));
  return result;
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("measure", Napi::Function::New(env, Measure, "measure"));
  return exports;
}

NODE_API_MODULE(throughput, Init)

}  // namespace
