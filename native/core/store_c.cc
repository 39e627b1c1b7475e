#include "core/store_c.h"

#include <unistd.h>

#include <cstring>
#include <exception>
#include <string>

#include "core/store/lease.h"
#include "core/store/progress.h"

using namespace hearth::store;

struct hearth_store {
  Layout layout;
};

namespace {

/** No C++ exception leaves: what is thrown is HEARTH_STORE_FAILED. */
template <typename Operation>
hearth_store_status guarded(Operation&& operation) noexcept {
  try {
    return operation();
  } catch (const std::exception&) {
    return HEARTH_STORE_FAILED;
  }
}

Book bookOf(hearth_store_book book) { return book == HEARTH_STORE_ADAPTERS ? Book::adapters : Book::bases; }

}  // namespace

hearth_store_status hearth_store_open(const char* root, hearth_store** store) {
  if (root == nullptr || store == nullptr) return HEARTH_STORE_INVALID;
  return guarded([&] {
    Layout layout(root);
    const auto format = readSmallFile(layout.format());
    if (!format) return HEARTH_STORE_ABSENT;
    if (*format != kStoreFormat) return HEARTH_STORE_FAILED;
    *store = new hearth_store{std::move(layout)};
    return HEARTH_STORE_OK;
  });
}

void hearth_store_close(hearth_store* store) { delete store; }

hearth_store_status hearth_store_lookup(const hearth_store* store, hearth_store_book book,
                                        const char* source_key, char* id) {
  if (store == nullptr || source_key == nullptr || id == nullptr) return HEARTH_STORE_INVALID;
  return guarded([&] {
    const auto found = lookupSource(store->layout, bookOf(book), source_key);
    if (!found) return HEARTH_STORE_ABSENT;
    std::memcpy(id, found->c_str(), found->size() + 1);
    return HEARTH_STORE_OK;
  });
}

hearth_store_status hearth_store_acquire(const hearth_store* store, hearth_store_book book, const char* id,
                                         char* path, size_t path_size, int* fd) {
  if (store == nullptr || id == nullptr || path == nullptr || fd == nullptr) return HEARTH_STORE_INVALID;
  return guarded([&] {
    auto lease = acquireLease(store->layout, bookOf(book), id);
    if (!lease) return HEARTH_STORE_ABSENT;
    if (lease->path.size() >= path_size) return HEARTH_STORE_INVALID;
    std::memcpy(path, lease->path.c_str(), lease->path.size() + 1);
    *fd = lease->fd.release();
    return HEARTH_STORE_OK;
  });
}

void hearth_store_release(int fd) {
  if (fd >= 0) close(fd);
}

hearth_store_status hearth_store_progress(const hearth_store* store, const char* source_key,
                                          uint64_t* ready_bytes, uint64_t* total_bytes) {
  if (store == nullptr || source_key == nullptr || ready_bytes == nullptr || total_bytes == nullptr)
    return HEARTH_STORE_INVALID;
  return guarded([&] {
    const auto progress = progressOf(store->layout, source_key);
    if (!progress) return HEARTH_STORE_ABSENT;
    *ready_bytes = progress->readyBytes;
    *total_bytes = progress->bytes;
    return HEARTH_STORE_OK;
  });
}
