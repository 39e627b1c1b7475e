#include "core/store/stage.h"

#include <sys/statfs.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "core/store/whole_digest.h"

namespace hearth::store {
namespace {

constexpr uint32_t kTmpfsMagic = 0x01021994;
constexpr uint32_t kRamfsMagic = 0x858458f6;
constexpr std::string_view kContainerSuffix = ".hearth";

/** statfs(2). */
uint32_t fileSystemAt(const std::string& path) {
  struct statfs found{};
  if (statfs(path.c_str(), &found) != 0) failBySystem("store_failed", "ask the file system of", path, errno);
  return static_cast<uint32_t>(found.f_type);
}

bool isTmpfs(const std::string& path) { return fileSystemAt(path) == kTmpfsMagic; }

/** Does what is written there stay in memory? Whether it may be swapped is the gateway's to judge. */
bool isMemory(const std::string& path) { return isTmpfs(path) || fileSystemAt(path) == kRamfsMagic; }

/** What a file is called by its content: a container's name without its suffix. */
std::string contentName(const ChunkSource& source) {
  const std::string& name = source.name();
  const bool suffixed = source.decoder() != nullptr && name.size() > kContainerSuffix.size() &&
                        name.ends_with(kContainerSuffix);
  return suffixed ? name.substr(0, name.size() - kContainerSuffix.size()) : name;
}

/** One staging of a source that is this caller's to do. */
class Staging {
 public:
  Staging(const Store& store, StageRequest& request, Source source, std::string key)
      : store_(store), request_(request), source_(std::move(source)), key_(std::move(key)) {}

  StageReport run(Flight& flight, RateCap& cap, Steering& steering,
                  const std::function<void(const StageProgress&)>& onProgress) {
    requireDigestFits();
    openSources();
    Making making = store_.reserve(request_.book, planned_, request_.budgetBytes);
    flight.tellMaking(making.name());
    openTargets(making.path());
    ProgressFile progress(making.path() + "/" + kProgressName, contentBytes_, chunks_);
    Pace pace(store_.layout(), key_, request_.priority, cap, steering);
    const Clock::time_point started = Clock::now();
    copy(progress, pace, onProgress);
    steering.check();
    report_.copyMs = milliseconds(Clock::now() - started);
    verifyContent();
    files_.clear();
    const std::string json = segmentJson(content_, described_, report_.encrypted, nowEpochMs());
    auto published =
        store_.publish(std::move(making), request_.book, content_, json, key_, planned_);
    report_.outcome = published.duplicate ? StageOutcome::duplicate : StageOutcome::staged;
    report_.lease = std::move(published.lease);
    report_.contentId = hexOf(content_).substr(0, kIdDigits);
    report_.bytes = contentBytes_;
    report_.fileSystem = source_.fileSystem;
    return std::move(report_);
  }

 private:
  static int64_t nowEpochMs() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  void requireDigestFits() const {
    // A segment is a folder, of one file too.
    const bool isFile = std::holds_alternative<Lease>(request_.source) ? source_.files.size() == 1 : !source_.isFolder;
    if (request_.digest && request_.digest->kind != ExpectedDigest::Kind::tree && !isFile)
      throw StoreFailure("invalid_argument", "Cannot stage \"" + source_.realPath +
                                                 "\": a " + request_.digest->kindName() +
                                                 " digest is of one file, expected a tree digest");
  }

  void openSources() {
    const bool dropsCache = std::string_view(source_.fileSystem) != "tmpfs";
    for (const SourceFile& file : source_.files) {
      CopyFile copied;
      copied.source = std::make_unique<ChunkSource>(file, request_.decoders.get(), dropsCache);
      copied.firstChunk = chunks_;
      copied.chunks = chunksOf(copied.source->contentBytes());
      chunks_ += copied.chunks;
      contentBytes_ += copied.source->contentBytes();
      report_.encrypted = report_.encrypted || copied.source->decoder() != nullptr;
      planned_.push_back(plan(*copied.source));
      files_.push_back(std::move(copied));
    }
    requireNamesApart();
    if (report_.encrypted && !keepsEncoded() && !isMemory(store_.layout().root()))
      throw StoreFailure("encrypted_stays", "Cannot stage \"" + source_.realPath +
                                                "\": it is encrypted, expected a store in memory against \"" +
                                                store_.layout().root() + "\"");
  }

  /** A container may be called like the plain file beside it, or like one of the store's own files. */
  void requireNamesApart() const {
    std::set<std::string> names;
    for (const CopyFile& file : files_) {
      const std::string name = contentName(*file.source);
      if (!isSegmentFileName(name) || !names.insert(name).second)
        throw StoreFailure("source_unsafe", "Cannot stage \"" + file.source->path() + "\": expected \"" + name +
                                                "\" as the name of one file, and none of the store's own");
    }
  }

  PlannedFile plan(const ChunkSource& source) const {
    if (keepsEncoded()) return {source.name(), source.fileBytes()};
    return {contentName(source), source.contentBytes()};
  }

  bool keepsEncoded() const { return store_.isDurable(); }

  void openTargets(const std::string& folder) {
    TargetOptions options;
    options.numaNode = request_.numaNode;
    const bool isInTmpfs = isTmpfs(folder);
    for (size_t index = 0; index < files_.size(); ++index) {
      const ChunkSource& source = *files_[index].source;
      options.secret = source.decoder() != nullptr;
      options.dataOffset = keepsEncoded() ? source.dataOffset() : 0;
      const std::string path = folder + "/" + planned_[index].name;
      options.way = wayInto(path, isInTmpfs, options.secret);
      files_[index].target = std::make_unique<ChunkTarget>(path, source.contentBytes(), options);
    }
  }

  TargetOptions::Way wayInto(const std::string& path, bool isInTmpfs, bool isSecret) const {
    if (keepsEncoded() || !isInTmpfs) return TargetOptions::Way::writtenToDisk;
    // A buffer could be swapped where the file system cannot. A node is asked for by mbind(2) of a mapping: as the file's policy it
    // would hold for written pages, too, but what is written is not mapped.
    const bool isMapped = request_.numaNode || hasHugePages(path) || (isSecret && !ChunkBuffer::canLock(Copy::threadsFor(request_.mostReaders)));
    return isMapped ? TargetOptions::Way::mapped : TargetOptions::Way::written;
  }

  bool isFar() const {
    const std::string_view fileSystem = source_.fileSystem;
    return fileSystem == "nfs" || fileSystem == "fuse";
  }

  /** A file server wants many readers, a disk one or two: chunks are large. */
  ThreadGovernor readers() const {
    return isFar() ? ThreadGovernor(4, request_.mostReaders) : ThreadGovernor(2, request_.mostReaders);
  }

  void copy(ProgressFile& progress, Pace& pace, const std::function<void(const StageProgress&)>& onProgress) {
    Copy copy(files_, progress, pace, readers(), keepsEncoded());
    std::optional<WholeDigest> whole;
    if (request_.digest && request_.digest->kind == ExpectedDigest::Kind::sha256)
      whole.emplace(copy, files_.front());
    copy.run([&](const CopyProgress& told) {
      onProgress({contentBytes_, told.readyBytes, told.rate, false});
    });
    if (whole) requireEqual("sha256", hexOf(whole->finish()), request_.digest->hex);
    report_.times = copy.times();
    report_.direct = true;
    for (const CopyFile& file : files_) {
      if (keepsEncoded()) copyAround(file);
      file.source->requireUnchanged();
      report_.direct = report_.direct && file.source->isDirect();
      described_.push_back({contentName(*file.source), file.source->contentBytes(), copy.digestOf(file)});
    }
  }

  /** What a container has before and behind its chunks. */
  void copyAround(const CopyFile& file) {
    const uint64_t from = file.source->dataOffset();
    const uint64_t to = from + file.source->contentBytes();
    ChunkBuffer buffer;
    const auto range = [&](uint64_t begin, uint64_t end) {
      while (begin < end) {
        const auto bytes = buffer.bytes(static_cast<size_t>(std::min(kChunkBytes, end - begin)));
        file.source->read(begin, bytes);
        file.target->write(begin, bytes);
        begin += bytes.size();
      }
    };
    range(0, from);
    range(to, file.source->fileBytes());
  }

  void verifyContent() {
    const Lease* segment = std::get_if<Lease>(&request_.source);
    content_ = contentOf(segment);
    const std::string hex = hexOf(content_);
    if (segment != nullptr)
      requireEqual("tree", hex.substr(0, kIdDigits), segment->path.substr(segment->path.rfind('/') + 1));
    if (request_.digest && request_.digest->kind != ExpectedDigest::Kind::sha256)
      requireEqual(request_.digest->kindName(), hex.substr(0, request_.digest->hex.size()), request_.digest->hex);
  }

  Digest contentOf(const Lease* segment) const {
    if (!source_.isFolder) return described_.front().blake3;
    // A segment's folder does not tell whether its one file was staged as a file: its name does.
    if (segment != nullptr && described_.size() == 1 &&
        segment->path.ends_with("/" + hexOf(described_.front().blake3).substr(0, kIdDigits)))
      return described_.front().blake3;
    return contentOfFolder(described_);
  }

  void requireEqual(const char* kind, const std::string& found, const std::string& expected) const {
    if (found == expected) return;
    throw StoreFailure("digest_mismatch", "Cannot stage \"" + source_.realPath + "\": expected " + kind + " \"" +
                                              expected + "\", got \"" + found + "\"");
  }

  const Store& store_;
  StageRequest& request_;
  const Source source_;
  const std::string key_;
  std::vector<CopyFile> files_;
  std::vector<PlannedFile> planned_;
  std::vector<SegmentFile> described_;
  uint64_t contentBytes_ = 0;
  uint64_t chunks_ = 0;
  Digest content_{};
  StageReport report_;
};

/** Did a segment come out of containers? One that does not tell counts as such. */
bool isOfContainers(const Lease& segment) {
  const auto json = readSmallFile(segment.path + "/" + kSegmentName);
  // Quotes within a name are escaped, so this is the property and no part of a name.
  return !json || json->find("\"encrypted\":false}") == std::string::npos;
}

/** A segment in memory is plaintext: if it came out of a container it must not go to a disk. */
void requireMayLeave(const Store& store, const Lease& segment) {
  if (!store.isDurable() || !isTmpfs(segment.path) || !isOfContainers(segment)) return;
  throw StoreFailure("encrypted_stays",
                     "Cannot stage \"" + segment.path + "\": it is plaintext of an encrypted source");
}

}  // namespace

std::optional<ExpectedDigest> parseDigest(std::string_view text) {
  using Kind = ExpectedDigest::Kind;
  for (const Kind kind : {Kind::sha256, Kind::blake3, Kind::tree}) {
    ExpectedDigest digest{kind, ""};
    if (!text.starts_with(digest.text())) continue;
    digest.hex = text.substr(digest.text().size());
    if (isHex(digest.hex, 64) || (kind == Kind::tree && isHex(digest.hex, kIdDigits))) return digest;
  }
  return std::nullopt;
}

StageReport stage(const Store& store, StageRequest request, RateCap& prefetchCap, Steering& steering,
                  const std::function<void(const StageProgress&)>& onProgress) {
  const Clock::time_point started = Clock::now();
  const Lease* segment = std::get_if<Lease>(&request.source);
  if (segment != nullptr) requireMayLeave(store, *segment);
  Source source =
      segment != nullptr ? describeSegment(*segment) : describeSource(std::get<std::string>(request.source));
  const std::string key = !request.sourceKey.empty() ? request.sourceKey
                          : request.digest           ? source.key(request.digest->text())
                                                     : source.key();
  if (!isId(key))
    throw StoreFailure("invalid_argument", "Cannot stage \"" + source.realPath + "\": expected a source key");
  Boarding boarding = board(store, request.book, key, request.priority, steering, [&](const Progress& told) {
    onProgress({told.bytes, told.readyBytes, 0, true});
  });
  const double waitMs = milliseconds(Clock::now() - started);
  StageReport report;
  if (boarding.lease) {
    report.outcome = boarding.joined ? StageOutcome::joined : StageOutcome::present;
    report.contentId = boarding.lease->path.substr(boarding.lease->path.rfind('/') + 1);
    report.encrypted = isOfContainers(*boarding.lease);
    report.lease = std::move(*boarding.lease);
    report.fileSystem = source.fileSystem;
  } else {
    report = Staging(store, request, std::move(source), key).run(*boarding.flight, prefetchCap, steering, onProgress);
  }
  report.waitMs = waitMs;
  report.totalMs = milliseconds(Clock::now() - started);
  return report;
}

}  // namespace hearth::store
