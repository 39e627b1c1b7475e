#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "check.h"
#include "ggml-backend.h"
#include "ggml_library.h"

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kBytes = size_t{8} << 20;

/** A buffer of ggml's and its memory. */
struct Buffer {
  explicit Buffer(ggml_backend_buffer_t made)
      : handle(made),
        memory(static_cast<uint8_t*>(FROM_GGML(ggml_backend_buffer_get_base)(made))),
        bytes(FROM_GGML(ggml_backend_buffer_get_size)(made)) {}
  ~Buffer() { FROM_GGML(ggml_backend_buffer_free)(handle); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  bool isAll(uint8_t value) const {
    return std::all_of(memory, memory + bytes, [value](uint8_t byte) { return byte == value; });
  }
  /** Pages of it that are there now, but for those that it shares with its neighbours. */
  size_t residentPages() const {
    auto* first = memory + (kPage - reinterpret_cast<uintptr_t>(memory) % kPage) % kPage;
    std::vector<unsigned char> resident(static_cast<size_t>(memory + bytes - first) / kPage);
    mincore(first, resident.size() * kPage, resident.data());
    return static_cast<size_t>(std::ranges::count_if(resident, [](auto page) { return (page & 1) != 0; }));
  }

  ggml_backend_buffer_t const handle;
  uint8_t* const memory;
  const size_t bytes;
};

ggml_backend_buffer_t plainBuffer(size_t bytes) {
  return FROM_GGML(ggml_backend_buft_alloc_buffer)(FROM_GGML(ggml_backend_cpu_buffer_type)(), bytes);
}

}  // namespace

TEST("ggml_backend_buffer_clear() empties a used buffer in host memory without its pages") {
  const Buffer buffer(plainBuffer(kBytes));
  ggml_backend_buffer_clear(buffer.handle, 0xA5);
  CHECK(buffer.isAll(0xA5));
  CHECK(buffer.residentPages() >= kBytes / kPage - 1);
  ggml_backend_buffer_clear(buffer.handle, 0);
  CHECK(buffer.residentPages() == 0);
  CHECK(buffer.isAll(0));
}

TEST("ggml_backend_buffer_clear() leaves memory that ggml does not own to the original") {
  void* memory = std::aligned_alloc(kPage, kBytes);
  {
    const Buffer buffer(FROM_GGML(ggml_backend_cpu_buffer_from_ptr)(memory, kBytes));
    ggml_backend_buffer_clear(buffer.handle, 0xA5);
    ggml_backend_buffer_clear(buffer.handle, 0);
    CHECK(buffer.isAll(0));
    CHECK(buffer.residentPages() == kBytes / kPage);
  }
  std::free(memory);
}

TEST("ggml_backend_buffer_clear() clears every part of a buffer of several") {
  const auto combine = reinterpret_cast<ggml_backend_buffer_t (*)(ggml_backend_buffer_t*, size_t)>(
      dlsym(ggmlBase(), "ggml_backend_multi_buffer_alloc_buffer"));
  ggml_backend_buffer_t parts[] = {plainBuffer(kBytes), plainBuffer(64)};
  uint8_t* const first = static_cast<uint8_t*>(FROM_GGML(ggml_backend_buffer_get_base)(parts[0]));
  uint8_t* const second = static_cast<uint8_t*>(FROM_GGML(ggml_backend_buffer_get_base)(parts[1]));
  ggml_backend_buffer_t whole = combine(parts, 2);
  ggml_backend_buffer_clear(whole, 0xA5);
  CHECK(first[kBytes - 1] == 0xA5 && second[63] == 0xA5);
  ggml_backend_buffer_clear(whole, 0);
  CHECK(first[0] == 0 && first[kBytes - 1] == 0 && second[63] == 0);
  FROM_GGML(ggml_backend_buffer_free)(whole);
}

TEST("ggml_backend_buffer_clear() takes a buffer without memory") {
  ggml_backend_buffer_t buffer = plainBuffer(0);
  ggml_backend_buffer_clear(buffer, 0);
  CHECK(FROM_GGML(ggml_backend_buffer_get_size)(buffer) == 0);
  FROM_GGML(ggml_backend_buffer_free)(buffer);
}
