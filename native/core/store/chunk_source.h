#pragma once

#include <atomic>
#include <memory>

#include "core/store/content.h"
#include "core/store/decoder.h"
#include "core/store/source.h"

namespace hearth::store {

/**
 * A file that is read in chunks: past the page cache (O_DIRECT) where its file system and the memory allow, else
 * through it, and what was read is dropped from it. Any thread reads.
 */
class ChunkSource {
 public:
  /** Throws `source_changed` when it is not what was described, `key_required` for a container that nobody decodes. */
  ChunkSource(SourceFile file, const Decoders* decoders, bool dropsCache);

  const std::string& name() const { return file_.name; }
  const std::string& path() const { return file_.path; }
  /** Null: the bytes are what they are. */
  const ChunkDecoder* decoder() const { return decoder_.get(); }
  /** Of the content: of a container its plaintext's. */
  uint64_t contentBytes() const;
  uint64_t fileBytes() const { return file_.mark.bytes; }
  /** Where chunk 0 lies. */
  uint64_t dataOffset() const { return decoder_ ? decoder_->dataOffset() : 0; }

  /** Bytes from `offset`, as they lie in the file. Throws `source_unreadable` or `source_changed`. */
  void read(uint64_t offset, std::span<std::byte> into);
  /** Throws `source_changed` when the file is not what it was. */
  void requireUnchanged() const;
  bool isDirect() const { return static_cast<bool>(direct_) && directWorks_; }

 private:
  /** Returns how much of `into` was read past the page cache: whole pages from its beginning. */
  size_t readDirect(uint64_t offset, std::span<std::byte> into);

  const SourceFile file_;
  const bool dropsCache_;
  Fd buffered_;
  Fd direct_;
  std::atomic<bool> directWorks_{true};
  std::unique_ptr<ChunkDecoder> decoder_;
};

}  // namespace hearth::store
