#include "core/crypt/hkdf.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>

#include "core/failure.h"

namespace hearth::crypt {
namespace {

struct FreeKdf {
  void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
  void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

/** OpenSSL's parameters are not const, but they are only read. */
OSSL_PARAM octets(const char* name, const void* data, size_t bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(data), bytes);
}

}  // namespace

void hkdf(const SecretKey& masterKey, std::span<const std::byte> salt, std::string_view info,
          std::span<std::byte> out) {
  const std::unique_ptr<EVP_KDF, FreeKdf> kdf(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_HKDF, nullptr));
  const std::unique_ptr<EVP_KDF_CTX, FreeKdf> context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      octets(OSSL_KDF_PARAM_KEY, masterKey.bytes().data(), kKeyBytes),
      octets(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
      octets(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
      OSSL_PARAM_construct_end(),
  };
  auto* const bytes = reinterpret_cast<unsigned char*>(out.data());
  if (!context || EVP_KDF_derive(context.get(), bytes, out.size(), parameters) != 1)
    throw Failure("crypto_failed", "OpenSSL has no working HKDF");
}

}  // namespace hearth::crypt
