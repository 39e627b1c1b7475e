#include "core/store/making.h"

#include <fcntl.h>
#include <sys/file.h>

#include "core/store/locks.h"

namespace hearth::store {

Making Making::begin(const Layout& layout, Book book) {
  const std::string path = layout.making(std::string(nameOf(book)) + "-" + randomHex(16));
  if (!ensureFolder(path))
    throw StoreFailure("store_failed", "Cannot make the folder \"" + path + "\": it is there already");
  const std::string ownerPath = path + "/" + kOwnerName;
  Fd owner = openOrFail(ownerPath, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!tryFlock(owner, LOCK_EX, ownerPath))
    throw StoreFailure("store_failed", "Cannot own \"" + path + "\": somebody has locked it");
  return Making(path, std::move(owner));
}

std::optional<Making> Making::adopt(const std::string& path) {
  const std::string ownerPath = path + "/" + kOwnerName;
  Fd owner = tryOpen(ownerPath, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (!owner || !tryFlock(owner, LOCK_EX, ownerPath)) return std::nullopt;
  return Making(path, std::move(owner));
}

Making::Making(Making&& other) noexcept : path_(std::move(other.path_)), owner_(std::move(other.owner_)) {
  other.path_.clear();
}

Making::~Making() {
  // The lock goes last: what is half removed has an owner.
  if (!path_.empty()) removeTree(path_);
}

std::string Making::name() const { return path_.substr(path_.rfind('/') + 1); }

void Making::published() {
  path_.clear();
  owner_ = Fd();
}

}  // namespace hearth::store
