#pragma once

#include <string>

#include "core/store/layout.h"
#include "core/store/posix.h"

namespace hearth::store {

/**
 * A half-made segment, or one that is being removed: a folder in making/ whose `.owner` this process has locked.
 * It is removed with this object unless it was published. Who finds one whose owner has died may take it.
 */
class Making {
 public:
  /** A new folder. The store's lock is held: a sweep would take it for a dead one's before it is locked. */
  static Making begin(const Layout& layout, Book book);
  /** What lies at `path`, when nobody has it. The store's lock is held. */
  static std::optional<Making> adopt(const std::string& path);

  Making(Making&& other) noexcept;
  Making& operator=(Making&&) = delete;
  ~Making();

  const std::string& path() const { return path_; }
  std::string name() const;
  /** It has been renamed; it goes from its new place now. */
  void movedTo(std::string path) { path_ = std::move(path); }
  /** It has been renamed to where readers find it: it stays. So does `.owner`, or an eviction from a full file
   * system would have to make it. */
  void published();

 private:
  Making(std::string path, Fd owner) : path_(std::move(path)), owner_(std::move(owner)) {}

  std::string path_;
  Fd owner_;
};

}  // namespace hearth::store
