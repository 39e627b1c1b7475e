#pragma once

#include <functional>
#include <optional>

#include "core/store/steering.h"
#include "core/store/locks.h"
#include "core/store/progress.h"
#include "core/store/store.h"

namespace hearth::store {

enum class Priority { demand, prefetch };

/** The right to stage a source, which one process of the host has at a time. */
class Flight {
 public:
  explicit Flight(FileLock lock) : lock_(std::move(lock)) {}
  Flight(Flight&& other) noexcept : lock_(std::move(other.lock_)), held_(std::exchange(other.held_, false)) {}
  Flight& operator=(Flight&&) = delete;
  ~Flight() {
    if (held_) lock_.remove();
  }

  /** Where others see how far it is. */
  void tellMaking(const std::string& name) { lock_.write(name); }

 private:
  FileLock lock_;
  bool held_ = true;
};

/** Exactly one of the two. */
struct Boarding {
  /** The source is to be staged by the caller. */
  std::optional<Flight> flight;
  /** It is there. */
  std::optional<Lease> lease;
  /** Another one staged it meanwhile. */
  bool joined = false;
};

/**
 * Waits until the source is staged by whoever does that, or it is the caller's to do. While a demand waits, a
 * prefetch that it waits for is paced as a demand. Throws `cancelled`.
 */
Boarding board(const Store& store, Book book, const std::string& sourceKey, Priority priority, Steering& steering,
               const std::function<void(const Progress&)>& onProgress);

}  // namespace hearth::store
