#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "core/store/lease.h"
#include "core/store/posix.h"

namespace hearth::store {

/** What tells whether a file is what it was, without reading it. */
struct FileMark {
  uint64_t bytes = 0;
  int64_t mtimeNs = 0;
  uint64_t inode = 0;
  uint64_t device = 0;

  bool operator==(const FileMark&) const = default;
};

FileMark markOf(const struct stat& found);

struct SourceFile {
  /** Relative to the source; of a single file its own. */
  std::string name;
  /** Without symbolic links. */
  std::string path;
  FileMark mark;
};

/** A file, all files of a split GGUF model, or a model's folder, as it is found. */
struct Source {
  /** Of a split model that of its first file. */
  std::string realPath;
  /** Its content is several files by their names, though it may be one. */
  bool isFolder = false;
  /** Sorted by name. */
  std::vector<SourceFile> files;
  uint64_t bytes = 0;
  /** `nfs`, `tmpfs`, `fuse`, `overlay` or `local`. */
  const char* fileSystem = "local";

  /**
   * By path, sizes, times and inodes, so that it is known without reading; and by the digest that it must have, if any: what was
   * staged without being held to that is not found by it.
   */
  std::string key(std::string_view digest = {}) const;
};

/**
 * Looks at a source. The first file of a split GGUF model (`<name>-00001-of-00003.gguf`, or containers of such) stands for all
 * of them. Hidden folders in it (.git, .cache) are left out. A link may lead to a file within the
 * folder, and within `blobs` of the hub's cache when the folder is a snapshot of it. Throws `source_missing`,
 * `source_unsafe` (a link that leads out, a name that cannot be, too much of everything) or `source_unreadable`.
 */
Source describeSource(const std::string& path);

/** A published segment as a source, without the store's own files. The lease is the caller's to hold. */
Source describeSegment(const Lease& lease);

}  // namespace hearth::store
