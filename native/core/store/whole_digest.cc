#include "core/store/whole_digest.h"

namespace hearth::store {

WholeDigest::WholeDigest(Copy& copy, const CopyFile& file)
    : copy_(copy), file_(file), thread_([this] { follow(); }) {}

WholeDigest::~WholeDigest() {
  if (thread_.joinable()) thread_.join();
}

Digest WholeDigest::finish() {
  thread_.join();
  if (failure_) throw *failure_;
  return digest_;
}

void WholeDigest::follow() {
  const auto outcome = storeOutcomeOf([this] {
    Sha256 hash;
    ChunkBuffer buffer;
    for (uint64_t chunk = 0; chunk < file_.chunks; ++chunk) {
      if (!copy_.waitReady(file_.firstChunk + chunk)) return false;
      const std::span<std::byte> bytes = file_.target->view(chunk, buffer);
      if (copy_.keepsEncoded() && file_.source->decoder() != nullptr) file_.source->decoder()->open(chunk, bytes);
      hash.add(bytes);
    }
    digest_ = hash.finish();
    return true;
  });
  if (const auto* failure = std::get_if<StoreFailure>(&outcome)) failure_ = *failure;
}

}  // namespace hearth::store
