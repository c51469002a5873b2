// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// AES-256-GCM (NIST SP 800-38D) through OpenSSL, with the key schedule kept between calls.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>

#include "shared/base/bytes.h"
#include "shared/privacy/secret.h"

namespace dvpe::privacy::impl {

inline constexpr std::size_t kNonceSize = 12;
inline constexpr std::size_t kTagSize = 16;
using Nonce = std::array<std::uint8_t, kNonceSize>;

// One thread at a time. After construction neither method allocates.
class AesGcm {
 public:
  explicit AesGcm(const SecretKey& key);

  // Another key from now on: a cipher for many keys is a kilobyte, one for each is many.
  void rekey(const SecretKey& key);

  // Writes plain.size() bytes of ciphertext and then the tag to out. False: OpenSSL failed, which is ours.
  bool seal(const Nonce& nonce, base::ByteView additional, base::ByteView plain, std::uint8_t* out);
  // sealed: ciphertext and tag, at least kTagSize bytes. Writes sealed.size() - kTagSize bytes to out; they mean
  // something only when the answer is true.
  bool open(const Nonce& nonce, base::ByteView additional, base::ByteView sealed, std::uint8_t* out);

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> encrypt_, decrypt_;
};

}  // namespace dvpe::privacy::impl
