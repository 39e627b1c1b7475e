#include "core/crypt/container.h"

#include <algorithm>
#include <cstring>

#include "core/failure.h"

namespace hearth::crypt {
namespace {

constexpr char kMagic[] = {'H', 'E', 'A', 'R', 'T', 'H', 'W', '1'};

/** Where each field begins; what lies between and behind them is zero. */
constexpr size_t kVersionAt = 8;
constexpr size_t kChunkBytesAt = 12;
constexpr size_t kPlaintextBytesAt = 16;
constexpr size_t kSaltAt = 24;
constexpr size_t kNoncePrefixAt = 56;
constexpr size_t kKeyCheckAt = 64;
constexpr size_t kKeyNameLengthAt = 80;
constexpr size_t kKeyNameAt = 82;

Failure badHeader(const std::string& field, const std::string& expected) {
  return Failure("bad_header", "field \"" + field + "\", expected " + expected);
}

uint64_t readNumber(std::span<const std::byte> bytes, size_t at, size_t width) {
  uint64_t number = 0;
  for (size_t index = 0; index < width; ++index)
    number |= static_cast<uint64_t>(bytes[at + index]) << (8 * index);
  return number;
}

void writeNumber(HeaderBytes& bytes, size_t at, size_t width, uint64_t number) {
  for (size_t index = 0; index < width; ++index)
    bytes[at + index] = static_cast<std::byte>(number >> (8 * index) & 0xFF);
}

template <size_t Length>
void readField(std::span<const std::byte> bytes, size_t at, std::array<std::byte, Length>& field) {
  std::copy_n(bytes.begin() + static_cast<ptrdiff_t>(at), Length, field.begin());
}

/** Names end up in messages and in logs. */
bool isWritableName(std::string_view name) {
  return name.size() <= kMaxKeyNameBytes &&
         std::ranges::all_of(name, [](char letter) { return letter > ' ' && letter < '\x7F'; });
}

std::string readKeyName(std::span<const std::byte> bytes) {
  const auto length = static_cast<size_t>(readNumber(bytes, kKeyNameLengthAt, 2));
  if (length > kMaxKeyNameBytes)
    throw badHeader("keyNameLength", "at most 128 against " + std::to_string(length));
  std::string name(length, '\0');
  std::memcpy(name.data(), bytes.data() + kKeyNameAt, length);
  if (!isWritableName(name)) throw badHeader("keyName", "printable ASCII without spaces");
  const auto padding = bytes.subspan(kKeyNameAt + length);
  const bool isZero = std::ranges::all_of(padding, [](std::byte value) { return value == std::byte{0}; });
  if (!isZero || bytes[kNoncePrefixAt + kNoncePrefixBytes] != std::byte{0})
    throw badHeader("padding", "zeros alone");
  return name;
}

void checkFileSize(const Header& header, uint64_t fileBytes) {
  const uint64_t expected = header.containerBytes();
  if (fileBytes == expected) return;
  throw Failure(fileBytes < expected ? "truncated" : "trailing_bytes",
                "expected " + std::to_string(expected) + " bytes against " + std::to_string(fileBytes));
}

}  // namespace

uint64_t Header::chunks() const {
  return plaintextBytes == 0 ? 1 : (plaintextBytes - 1) / kChunkBytes + 1;
}

uint64_t Header::chunkLength(uint64_t chunk) const {
  const uint64_t count = chunks();
  if (chunk >= count) return 0;
  return chunk + 1 < count ? kChunkBytes : plaintextBytes - chunk * kChunkBytes;
}

bool looksLikeContainer(std::span<const std::byte> start) {
  return start.size() >= sizeof kMagic && std::memcmp(start.data(), kMagic, sizeof kMagic) == 0;
}

Header parseHeader(std::span<const std::byte> start, uint64_t fileBytes) {
  if (!looksLikeContainer(start))
    throw Failure("not_a_container", "expected \"HEARTHW1\" at its beginning against other bytes");
  if (start.size() < kHeaderBytes || fileBytes < kHeaderBytes) {
    throw Failure("truncated", "expected a header of 4096 bytes against " +
                                   std::to_string(std::min<uint64_t>(start.size(), fileBytes)));
  }
  const auto bytes = start.first(kHeaderBytes);
  const uint64_t version = readNumber(bytes, kVersionAt, 4);
  if (version != kVersion)
    throw Failure("unsupported_version", "expected version 1 against " + std::to_string(version));
  const uint64_t chunkBytes = readNumber(bytes, kChunkBytesAt, 4);
  if (chunkBytes != kChunkBytes)
    throw badHeader("chunkBytes", "4194304 against " + std::to_string(chunkBytes));
  Header header;
  header.plaintextBytes = readNumber(bytes, kPlaintextBytesAt, 8);
  if (header.plaintextBytes > kMaxPlaintextBytes)
    throw badHeader("plaintextBytes", "at most 2^54 against " + std::to_string(header.plaintextBytes));
  readField(bytes, kSaltAt, header.salt);
  readField(bytes, kNoncePrefixAt, header.noncePrefix);
  readField(bytes, kKeyCheckAt, header.keyCheck);
  header.keyName = readKeyName(bytes);
  checkFileSize(header, fileBytes);
  return header;
}

HeaderBytes writeHeader(const Header& header) {
  if (header.plaintextBytes > kMaxPlaintextBytes)
    throw badHeader("plaintextBytes", "at most 2^54 against " + std::to_string(header.plaintextBytes));
  if (!isWritableName(header.keyName))
    throw badHeader("keyName", "at most 128 characters of printable ASCII without spaces");
  HeaderBytes bytes = {};
  std::memcpy(bytes.data(), kMagic, sizeof kMagic);
  writeNumber(bytes, kVersionAt, 4, kVersion);
  writeNumber(bytes, kChunkBytesAt, 4, kChunkBytes);
  writeNumber(bytes, kPlaintextBytesAt, 8, header.plaintextBytes);
  std::ranges::copy(header.salt, bytes.begin() + kSaltAt);
  std::ranges::copy(header.noncePrefix, bytes.begin() + kNoncePrefixAt);
  std::ranges::copy(header.keyCheck, bytes.begin() + kKeyCheckAt);
  writeNumber(bytes, kKeyNameLengthAt, 2, header.keyName.size());
  std::memcpy(bytes.data() + kKeyNameAt, header.keyName.data(), header.keyName.size());
  return bytes;
}

}  // namespace hearth::crypt
