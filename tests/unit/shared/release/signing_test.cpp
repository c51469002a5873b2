// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/release/signing.h"

#include <gtest/gtest.h>

namespace dvpe::release {
namespace {

TEST(Signing, HoldsForItsBytesItsKeyAndItsDomainOnly) {
  const PrivateKey key = PrivateKey::generate(), other = PrivateKey::generate();
  const std::string text = R"({"kind":"ruleset"})";
  const Signature signature = key.sign(Domain::kDocument, base::view(text));
  EXPECT_TRUE(verify(key.publicKey(), Domain::kDocument, base::view(text), signature));
  EXPECT_FALSE(verify(other.publicKey(), Domain::kDocument, base::view(text), signature));
  EXPECT_FALSE(verify(key.publicKey(), Domain::kRelease, base::view(text), signature));
  EXPECT_FALSE(verify(key.publicKey(), Domain::kDocument, base::view(text + " "), signature));
}

TEST(Signing, NoticesEveryBit) {
  const PrivateKey key = PrivateKey::generate();
  std::string text = "every bit counts";
  Signature signature = key.sign(Domain::kCommand, base::view(text));
  for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(verify(key.publicKey(), Domain::kCommand, base::view(text), signature)) << bit;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
  }
  for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    signature[bit / 8] = static_cast<std::uint8_t>(signature[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(verify(key.publicKey(), Domain::kCommand, base::view(text), signature)) << bit;
    signature[bit / 8] = static_cast<std::uint8_t>(signature[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(PrivateKey, ComesBackFromItsFileWithItsPassphraseOnly) {
  const PrivateKey key = PrivateKey::generate();
  const auto pem = key.seal("correct horse");
  ASSERT_TRUE(pem.has_value()) << pem.error().message;
  EXPECT_TRUE(pem.value().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  const auto back = PrivateKey::open(pem.value(), "correct horse");
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(back.value().publicKey(), key.publicKey());
  EXPECT_EQ(back.value().id(), key.id());
  EXPECT_EQ(PrivateKey::open(pem.value(), "wrong horse").error().code, base::ErrorCode::kRefused);
  EXPECT_EQ(PrivateKey::open(pem.value(), "").error().code, base::ErrorCode::kRefused);
  EXPECT_EQ(PrivateKey::open("-----BEGIN PRIVATE KEY-----\n", "x").error().code, base::ErrorCode::kRefused);
  EXPECT_EQ(PrivateKey::open(pem.value().substr(0, 90), "correct horse").error().code, base::ErrorCode::kRefused);
  EXPECT_FALSE(key.seal("").has_value());
}

TEST(Signing, ReadsHexadecimalStrictly) {
  const PrivateKey key = PrivateKey::generate();
  const std::string hex = base::hex(key.publicKey());
  EXPECT_EQ(parsePublicKey(hex).value(), key.publicKey());
  EXPECT_FALSE(parsePublicKey(hex.substr(1)).has_value());
  EXPECT_FALSE(parsePublicKey(hex + "00").has_value());
  EXPECT_FALSE(parsePublicKey("+1" + hex.substr(2)).has_value());
  EXPECT_FALSE(parsePublicKey("g0" + hex.substr(2)).has_value());
}

}  // namespace
}  // namespace dvpe::release
