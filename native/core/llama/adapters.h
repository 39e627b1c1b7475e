#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/requests.h"
#include "llama-cpp.h"

namespace hearth {

/** A loaded LoRA. It must be freed on the decode thread, before the model. */
struct Adapter {
  explicit Adapter(llama_adapter_lora* loaded) : handle(loaded) {}
  llama_adapter_lora_ptr handle;
};

/** Which file a path means now: a file that is replaced under its name is another adapter. */
struct FileIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t modifiedNs = 0;
  int64_t bytes = 0;
  bool operator==(const FileIdentity&) const = default;
};

/** Loads each adapter file once for all combos that use it, and forgets those that none holds. */
class AdapterCache {
 public:
  /**
   * Brings the file into the page cache, so that acquire() is short. Any thread. Throws Failure
   * `adapter_load_failed` when it is not a readable GGUF file.
   */
  static FileIdentity readAhead(const std::string& path);
  /**
   * Decode thread only: llama.cpp keeps the adapters of a model in a list that every decode may read. Throws
   * Failure `adapter_load_failed` or `adapter_mismatch`.
   */
  std::shared_ptr<Adapter> acquire(llama_model& model, const std::string& path, const FileIdentity& identity);

 private:
  struct Entry {
    FileIdentity identity;
    std::weak_ptr<Adapter> adapter;
  };
  std::vector<Entry> entries_;
};

}  // namespace hearth
