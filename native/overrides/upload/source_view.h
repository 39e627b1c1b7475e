#pragma once

#include <cstddef>
#include <optional>
#include <utility>

namespace hearth::upload {

/**
 * A mapped file's bytes at another address, which stay there when the mapping that they come from goes. So a load may go on,
 * and end, while its file is still being read.
 */
class SourceView {
 public:
  /** Nothing, when this is not a shared mapping of a file: other memory may be written or freed at any time. */
  static std::optional<SourceView> of(const void* data, size_t bytes);
  ~SourceView();
  SourceView(SourceView&& other) noexcept
      : mapping_(std::exchange(other.mapping_, nullptr)), length_(other.length_), data_(other.data_) {}
  SourceView& operator=(SourceView&&) = delete;

  const std::byte* data() const { return data_; }

 private:
  SourceView(void* mapping, size_t length, const std::byte* data)
      : mapping_(mapping), length_(length), data_(data) {}

  void* mapping_;
  size_t length_;
  const std::byte* data_;
};

/**
 * Brings the pages of a mapped file into memory and into this process's page table, in one call for all of them: by single
 * faults it costs 0.1 s for a GiB of 4 KiB pages. Only a hint: where the kernel does not know it, a copy faults them in.
 */
void mapPages(const void* data, size_t bytes);

/** Takes back that a mapping is read at random: its pages would count less when memory is short. */
void adviseNormal(const void* data, size_t bytes);

}  // namespace hearth::upload
