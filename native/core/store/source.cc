#include "core/store/source.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "core/store/content.h"
#include "core/store/layout.h"
#include "core/store/sha256.h"

namespace hearth::store {
namespace {

constexpr size_t kMostFiles = 10000;
constexpr int kMostDepth = 16;

[[noreturn]] void unsafe(const std::string& path, const char* expected) {
  throw StoreFailure("source_unsafe", "Cannot stage \"" + path + "\": expected " + expected);
}

std::string realPathOf(const std::string& path) {
  char* const resolved = realpath(path.c_str(), nullptr);
  if (resolved == nullptr)
    failBySystem(errno == ENOENT || errno == ENOTDIR ? "source_missing" : "source_unreadable", "find", path,
                 errno);
  std::string text(resolved);
  std::free(resolved);
  return text;
}

std::string lastPart(const std::string& path) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash = path.rfind('/', end);
  return path.substr(slash + 1, end - slash);
}

std::string folderOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

/** `00001`: five digits, as llama-gguf-split writes them. */
std::optional<size_t> fiveDigits(std::string_view text) {
  if (text.size() != 5 || !std::ranges::all_of(text, [](char digit) { return digit >= '0' && digit <= '9'; }))
    return std::nullopt;
  return std::stoul(std::string(text));
}

std::string fiveDigitsOf(size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(5 - digits.size(), '0') + digits;
}

/** The names of all files of a split model (`<prefix>-00001-of-00003.gguf`) by that of the first; of any other file its own. */
std::vector<std::string> partNames(const std::string& name) {
  constexpr std::string_view kEndings[] = {".gguf", ".gguf.hearth"};
  constexpr std::string_view kFirst = "-00001-of-";
  for (const std::string_view ending : kEndings) {
    if (!name.ends_with(ending) || name.size() <= ending.size() + kFirst.size() + 5) continue;
    const std::string stem = name.substr(0, name.size() - ending.size());
    const std::string total = stem.substr(stem.size() - 5);
    const std::string prefix = stem.substr(0, stem.size() - 5 - kFirst.size());
    const auto count = fiveDigits(total);
    if (!count || *count < 2 || *count > kMostFiles || !stem.ends_with(std::string(kFirst) + total)) continue;
    std::vector<std::string> names;
    for (size_t part = 1; part <= *count; ++part)
      names.push_back(prefix + "-" + fiveDigitsOf(part) + "-of-" + total + std::string(ending));
    return names;
  }
  return {name};
}

bool isBelow(const std::string& path, const std::string& folder) { return path.starts_with(folder + "/"); }

/** magics of linux/magic.h and statfs(2). */
const char* fileSystemOf(const std::string& path) {
  struct statfs found{};
  if (statfs(path.c_str(), &found) != 0) return "local";
  switch (static_cast<uint32_t>(found.f_type)) {
    case 0x6969: return "nfs";
    case 0x01021994: return "tmpfs";
    case 0x65735546: return "fuse";
    case 0x794c7630: return "overlay";
    default: return "local";
  }
}

/** Collects the files of a folder. */
class Walk {
 public:
  Walk(std::string root, bool isSegment) : root_(std::move(root)), isSegment_(isSegment) {
    // The hub's cache: snapshots/<revision>/<name> is a link to ../../blobs/<digest>.
    const std::string above = folderOf(root_);
    if (lastPart(above) == "snapshots") blobs_ = folderOf(above) + "/blobs";
  }

  std::vector<SourceFile> run() {
    walk(root_, "", 0);
    std::ranges::sort(files_, {}, &SourceFile::name);
    if (files_.empty()) unsafe(root_, "a folder with files");
    return std::move(files_);
  }

 private:
  void walk(const std::string& folder, const std::string& prefix, int depth) {
    if (depth > kMostDepth) unsafe(folder, "at most 16 folders within one another");
    for (const std::string& part : namesIn(folder)) {
      const std::string name = prefix + part;
      if (isSegment_ && isOwnName(name)) continue;
      take(folder + "/" + part, part, name, depth);
    }
  }

  void take(const std::string& path, const std::string& part, const std::string& name, int depth) {
    const auto found = statOf(path);
    if (!found) failBySystem("source_unreadable", "look at", path, errno);
    if (S_ISDIR(found->st_mode)) {
      if (!part.starts_with('.')) walk(path, name + "/", depth + 1);
      return;
    }
    if (S_ISLNK(found->st_mode)) return takeLink(path, name);
    if (!S_ISREG(found->st_mode)) unsafe(path, "a regular file");
    add(path, name, markOf(*found));
  }

  void takeLink(const std::string& path, const std::string& name) {
    const std::string target = realPathOf(path);
    if (!isBelow(target, root_) && (blobs_.empty() || !isBelow(target, blobs_)))
      unsafe(path, "a link that stays within its folder");
    const auto found = statOf(target);
    if (!found || !S_ISREG(found->st_mode)) unsafe(path, "a link to a regular file");
    add(target, name, markOf(*found));
  }

  void add(const std::string& path, const std::string& name, const FileMark& mark) {
    if (!isSegmentFileName(name)) unsafe(path, "a name of printable UTF-8 that is none of the store's own");
    if (files_.size() >= kMostFiles) unsafe(root_, "at most 10000 files");
    files_.push_back({name, path, mark});
  }

  const std::string root_;
  const bool isSegment_;
  std::string blobs_;
  std::vector<SourceFile> files_;
};

/** The file, or all files of the split model whose first it is. */
void takeFiles(Source& source, const std::string& path) {
  // The name that was asked for: the hub's cache has its files under their digests.
  const std::string first = lastPart(path);
  const std::vector<std::string> names = partNames(first);
  source.isFolder = names.size() > 1;
  const std::string above = path.substr(0, path.size() - first.size());
  for (const std::string& name : names) {
    const std::string realPath = source.isFolder ? realPathOf(above + name) : source.realPath;
    const auto found = statOf(realPath);
    if (!found) failBySystem("source_missing", "find", realPath, errno);
    if (!S_ISREG(found->st_mode)) unsafe(realPath, "a regular file or a folder");
    if (!isSegmentFileName(name)) unsafe(path, "a name of printable UTF-8 that is none of the store's own");
    source.files.push_back({name, realPath, markOf(*found)});
  }
}

Source finished(Source source) {
  source.fileSystem = fileSystemOf(source.realPath);
  for (const SourceFile& file : source.files) source.bytes += file.mark.bytes;
  return source;
}

}  // namespace

FileMark markOf(const struct stat& found) {
  return {static_cast<uint64_t>(found.st_size),
          static_cast<int64_t>(found.st_mtim.tv_sec) * 1'000'000'000 + found.st_mtim.tv_nsec, found.st_ino,
          found.st_dev};
}

std::string Source::key(std::string_view digest) const {
  std::string text = realPath + "\n";
  for (const auto& [name, path, mark] : files)
    text += std::to_string(mark.bytes) + " " + std::to_string(mark.mtimeNs) + " " +
            std::to_string(mark.inode) + " " + name + "\n";
  text += digest;
  return hexOf(sha256Of(text)).substr(0, kIdDigits);
}

Source describeSource(const std::string& path) {
  Source source;
  source.realPath = realPathOf(path);
  const auto found = statOf(source.realPath);
  if (!found) failBySystem("source_missing", "find", path, errno);
  source.isFolder = S_ISDIR(found->st_mode);
  if (source.isFolder) {
    source.files = Walk(source.realPath, false).run();
  } else {
    takeFiles(source, path);
  }
  return finished(std::move(source));
}

Source describeSegment(const Lease& lease) {
  Source source;
  source.realPath = lease.path;
  source.isFolder = true;
  source.files = Walk(lease.path, true).run();
  return finished(std::move(source));
}

}  // namespace hearth::store
