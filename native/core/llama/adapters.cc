#include "core/llama/adapters.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "core/failure.h"
#include "gguf.h"

namespace hearth {
namespace {

constexpr size_t kReadBytes = 1 << 20;

std::string cannotLoad(const std::string& path) { return "Cannot load adapter \"" + path + "\": "; }

/** The architecture that the adapter was trained for, empty when the header does not say or is broken. */
std::string trainedFor(const std::string& path) {
  gguf_init_params params{};
  params.no_alloc = true;
  gguf_context* header = gguf_init_from_file(path.c_str(), params);
  if (header == nullptr) return {};
  const int64_t key = gguf_find_key(header, "general.architecture");
  const std::string architecture =
      key >= 0 && gguf_get_kv_type(header, key) == GGUF_TYPE_STRING ? gguf_get_val_str(header, key) : "";
  gguf_free(header);
  return architecture;
}

}  // namespace

FileIdentity AdapterCache::readAhead(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw Failure("adapter_load_failed", cannotLoad(path) + std::strerror(errno));
  struct stat status{};
  char magic[4] = {};
  ssize_t got = fstat(file, &status) == 0 ? pread(file, magic, sizeof magic, 0) : -1;
  if (got == 4 && std::memcmp(magic, "GGUF", 4) == 0) {
    // Not zeroed: most of its pages stay untouched with a small adapter.
    const auto buffer = std::make_unique_for_overwrite<char[]>(kReadBytes);
    off_t at = 0;
    while ((got = pread(file, buffer.get(), kReadBytes, at)) > 0) at += got;
  } else {
    got = -1;
  }
  close(file);
  if (got < 0) throw Failure("adapter_load_failed", cannotLoad(path) + "expected a readable GGUF file");
  return {status.st_dev, status.st_ino, status.st_mtim.tv_sec * 1000000000LL + status.st_mtim.tv_nsec,
          status.st_size};
}

std::shared_ptr<Adapter> AdapterCache::acquire(llama_model& model, const std::string& path,
                                               const FileIdentity& identity) {
  std::erase_if(entries_, [](const Entry& entry) { return entry.adapter.expired(); });
  for (const Entry& entry : entries_) {
    if (entry.identity == identity) return entry.adapter.lock();
  }
  llama_adapter_lora* loaded = llama_adapter_lora_init(&model, path.c_str());
  if (loaded == nullptr) {
    char expected[64] = {};
    llama_model_meta_val_str(&model, "general.architecture", expected, sizeof expected);
    const std::string actual = trainedFor(path);
    if (actual.empty()) throw Failure("adapter_load_failed", cannotLoad(path) + "the GGUF header is broken");
    throw Failure("adapter_mismatch", cannotLoad(path) + "it does not fit the base model (architecture \"" +
                                          expected + "\", adapter for \"" + actual + "\")");
  }
  auto adapter = std::make_shared<Adapter>(loaded);
  entries_.push_back({identity, adapter});
  return adapter;
}

}  // namespace hearth
