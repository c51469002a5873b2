// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/privacy/impl/aes_gcm.h"

#include <algorithm>
#include <cstdlib>

namespace dvpe::privacy::impl {

AesGcm::AesGcm(const SecretKey& key) : encrypt_(EVP_CIPHER_CTX_new()), decrypt_(EVP_CIPHER_CTX_new()) {
  // The nonce is 12 bytes by default, so only the key is set here.
  if (!encrypt_ || !decrypt_ ||
      EVP_EncryptInit_ex(encrypt_.get(), EVP_aes_256_gcm(), nullptr, key.bytes().data(), nullptr) != 1 ||
      EVP_DecryptInit_ex(decrypt_.get(), EVP_aes_256_gcm(), nullptr, key.bytes().data(), nullptr) != 1) {
    std::abort();  // no memory or no cipher: nothing that we do after this would be safe
  }
}

void AesGcm::rekey(const SecretKey& key) {
  if (EVP_EncryptInit_ex(encrypt_.get(), nullptr, nullptr, key.bytes().data(), nullptr) != 1 ||
      EVP_DecryptInit_ex(decrypt_.get(), nullptr, nullptr, key.bytes().data(), nullptr) != 1) {
    std::abort();
  }
}

bool AesGcm::seal(const Nonce& nonce, base::ByteView additional, base::ByteView plain, std::uint8_t* out) {
  EVP_CIPHER_CTX* c = encrypt_.get();
  int n = 0;
  int last = 0;
  return EVP_EncryptInit_ex(c, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
         EVP_EncryptUpdate(c, nullptr, &n, additional.data(), static_cast<int>(additional.size())) == 1 &&
         EVP_EncryptUpdate(c, out, &n, plain.data(), static_cast<int>(plain.size())) == 1 &&
         EVP_EncryptFinal_ex(c, out + n, &last) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagSize), out + plain.size()) == 1;
}

bool AesGcm::open(const Nonce& nonce, base::ByteView additional, base::ByteView sealed, std::uint8_t* out) {
  if (sealed.size() < kTagSize) {
    return false;
  }
  const base::ByteView cipher = sealed.first(sealed.size() - kTagSize);
  std::array<std::uint8_t, kTagSize> tag{};
  std::copy_n(sealed.data() + cipher.size(), kTagSize, tag.begin());
  EVP_CIPHER_CTX* c = decrypt_.get();
  int n = 0;
  int last = 0;
  return EVP_DecryptInit_ex(c, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagSize), tag.data()) == 1 &&
         EVP_DecryptUpdate(c, nullptr, &n, additional.data(), static_cast<int>(additional.size())) == 1 &&
         EVP_DecryptUpdate(c, out, &n, cipher.data(), static_cast<int>(cipher.size())) == 1 &&
         EVP_DecryptFinal_ex(c, out + n, &last) == 1;
}

}  // namespace dvpe::privacy::impl
