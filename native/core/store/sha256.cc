#include "core/store/sha256.h"

#include <openssl/evp.h>

#include "core/store/failures.h"

namespace hearth::store {
namespace {

/** Fetched once: EVP_sha256() would be looked up in the providers at each EVP_DigestInit_ex2(). */
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return fetched;
}

EVP_MD_CTX* contextOf(void* context) { return static_cast<EVP_MD_CTX*>(context); }

void require(bool well) {
  if (!well) throw StoreFailure("store_failed", "Cannot hash: OpenSSL has no SHA-256");
}

}  // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  try {
    require(context_ != nullptr && algorithm() != nullptr);
    begin();
  } catch (...) {
    EVP_MD_CTX_free(contextOf(context_));
    throw;
  }
}

Sha256::~Sha256() { EVP_MD_CTX_free(contextOf(context_)); }

void Sha256::begin() { require(EVP_DigestInit_ex2(contextOf(context_), algorithm(), nullptr) == 1); }

void Sha256::add(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(contextOf(context_), bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest digest{};
  unsigned length = 0;
  require(EVP_DigestFinal_ex(contextOf(context_), digest.data(), &length) == 1 && length == digest.size());
  begin();
  return digest;
}

Digest sha256Of(std::string_view text) {
  Sha256 hash;
  hash.add(text);
  return hash.finish();
}

}  // namespace hearth::store
