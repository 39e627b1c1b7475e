#include "core/crypt/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/crypt/hkdf.h"
#include "core/failure.h"

namespace hearth::crypt {
namespace {

constexpr std::string_view kFileKeyInfo = "hearth weights v1";
constexpr std::string_view kKeyCheckInfo = "hearth weights v1 check";
constexpr size_t kNonceBytes = 12;

using Nonce = std::array<unsigned char, kNonceBytes>;

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

/** prefix(7) | chunk, big endian(4) | 1 for the last chunk, else 0. */
Nonce nonceOf(const Header& header, uint64_t chunk) {
  Nonce nonce = {};
  for (size_t index = 0; index < kNoncePrefixBytes; ++index)
    nonce[index] = static_cast<unsigned char>(header.noncePrefix[index]);
  for (size_t index = 0; index < 4; ++index)
    nonce[kNoncePrefixBytes + index] = static_cast<unsigned char>(chunk >> (24 - 8 * index) & 0xFF);
  nonce[kNonceBytes - 1] = chunk + 1 == header.chunks() ? 1 : 0;
  return nonce;
}

/** Fetched once: to find it by its name takes a lock every time. Kept until the process ends. */
const EVP_CIPHER* aes256Gcm() {
  static const EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return fetched;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

/**
 * A context for one chunk, or null. One that was kept from chunk to chunk would keep the file's key, too, for as long as its
 * thread lives; freeing wipes it. That costs 0.3 microseconds, a chunk takes some 900.
 */
Context readyContext(const SecretKey& key, const Nonce& nonce, bool seals) {
  Context context(EVP_CIPHER_CTX_new());
  if (!context || aes256Gcm() == nullptr) return nullptr;
  const int ready = EVP_CipherInit_ex2(context.get(), aes256Gcm(), raw(key.bytes().data()), nonce.data(),
                                       seals ? 1 : 0, nullptr);
  return ready == 1 ? std::move(context) : nullptr;
}

/** Associated data first, then the chunk in place. A chunk has at most 4 MiB, so that an int holds its length. */
bool update(EVP_CIPHER_CTX* context, const HeaderBytes& associated, std::span<std::byte> data, const ShowPiece& show) {
  int written = 0;
  if (EVP_CipherUpdate(context, nullptr, &written, raw(associated.data()), kHeaderBytes) != 1) return false;
  const size_t step = show ? kPieceBytes : kChunkBytes;
  for (size_t at = 0; at < data.size(); at += step) {
    const auto piece = data.subspan(at, std::min(step, data.size() - at));
    const int length = static_cast<int>(piece.size());
    if (EVP_CipherUpdate(context, raw(piece.data()), &written, raw(piece.data()), length) != 1 || written != length)
      return false;
    if (show) show(piece);
  }
  return true;
}

void randomBytes(std::span<std::byte> out) {
  if (RAND_bytes(raw(out.data()), static_cast<int>(out.size())) != 1)
    throw Failure("crypto_failed", "OpenSSL has no random bytes");
}

}  // namespace

Cipher::Cipher(const Header& header, const SecretKey& masterKey)
    : header_(header), associated_(writeHeader(header)) {
  Secret<kKeyCheckBytes> check;
  hkdf(masterKey, header.salt, kKeyCheckInfo, check.bytes());
  if (CRYPTO_memcmp(check.bytes().data(), header.keyCheck.data(), kKeyCheckBytes) != 0)
    throw Failure("wrong_key", "wrong key, expected the one that it was encrypted with against another");
  hkdf(masterKey, header.salt, kFileKeyInfo, fileKey_.bytes());
}

bool Cipher::open(uint64_t chunk, std::span<std::byte> data,
                  std::span<const std::byte, kTagBytes> tag, const ShowPiece& show) const noexcept {
  if (chunk >= header_.chunks() || data.size() != header_.chunkLength(chunk)) return false;
  const Context context = readyContext(fileKey_, nonceOf(header_, chunk), false);
  if (!context || !update(context.get(), associated_, data, show)) return false;
  // OpenSSL only reads it.
  auto* const expected = const_cast<std::byte*>(tag.data());
  unsigned char rest[kTagBytes];
  int written = 0;
  return EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, expected) == 1 &&
         EVP_CipherFinal_ex(context.get(), rest, &written) == 1;
}

bool Cipher::seal(uint64_t chunk, std::span<std::byte> data,
                  std::span<std::byte, kTagBytes> tag) const noexcept {
  if (chunk >= header_.chunks() || data.size() != header_.chunkLength(chunk)) return false;
  const Context context = readyContext(fileKey_, nonceOf(header_, chunk), true);
  unsigned char rest[kTagBytes];
  int written = 0;
  return context && update(context.get(), associated_, data, {}) &&
         EVP_CipherFinal_ex(context.get(), rest, &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1;
}

Header makeHeader(uint64_t plaintextBytes, const std::string& keyName, const SecretKey& masterKey) {
  Header header;
  header.plaintextBytes = plaintextBytes;
  header.keyName = keyName;
  randomBytes(header.salt);
  randomBytes(header.noncePrefix);
  hkdf(masterKey, header.salt, kKeyCheckInfo, header.keyCheck);
  // Refuses what no header can say before anything is sealed.
  writeHeader(header);
  return header;
}

}  // namespace hearth::crypt
