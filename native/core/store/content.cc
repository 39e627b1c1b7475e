#include "core/store/content.h"

#include <algorithm>

#include "core/store/blake3.h"
#include "core/store/layout.h"
#include "core/store/posix.h"
#include "core/text/utf8.h"

namespace hearth::store {
namespace {

/** Names have neither control characters nor bad UTF-8, so two characters are all there is to escape. */
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') out += '\\';
    out += character;
  }
  return out + "\"";
}

bool isPart(std::string_view part) {
  return !part.empty() && part.size() <= 255 && part != "." && part != "..";
}

}  // namespace

Digest contentOfFolder(std::vector<SegmentFile> files) {
  std::ranges::sort(files, {}, &SegmentFile::name);
  std::string lines;
  for (const auto& [name, bytes, blake3] : files)
    lines += hexOf(blake3) + " " + std::to_string(bytes) + " " + name + "\n";
  return blake3Of(lines);
}

std::string segmentJson(const Digest& content, const std::vector<SegmentFile>& files, bool encrypted,
                        int64_t stagedAtEpochMs) {
  uint64_t total = 0;
  std::string list;
  for (const auto& [name, bytes, blake3] : files) {
    total += bytes;
    list += (list.empty() ? "" : ",") + ("{\"name\":" + quoted(name)) + ",\"bytes\":" + std::to_string(bytes) +
            ",\"blake3\":\"" + hexOf(blake3) + "\"}";
  }
  return "{\"format\":2,\"contentId\":\"" + hexOf(content) + "\",\"files\":[" + list +
         "],\"bytes\":" + std::to_string(total) + ",\"stagedAtEpochMs\":" + std::to_string(stagedAtEpochMs) +
         ",\"encrypted\":" + (encrypted ? "true" : "false") + "}\n";
}

bool isSegmentFileName(std::string_view name) {
  if (name.empty() || name.size() > 1024 || isOwnName(name)) return false;
  const bool control =
      std::ranges::any_of(name, [](char byte) { return static_cast<uint8_t>(byte) < 0x20 || byte == 0x7f; });
  if (control || toValidUtf8(name) != name) return false;
  size_t from = 0;
  for (size_t slash = name.find('/'); slash != std::string_view::npos; slash = name.find('/', from)) {
    if (!isPart(name.substr(from, slash - from))) return false;
    from = slash + 1;
  }
  return isPart(name.substr(from));
}

}  // namespace hearth::store
