// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/decisions/impl/draw.h"

#include <openssl/hmac.h>

#include <bit>
#include <cstring>

#include "shared/decisions/compiled.h"

namespace dvpe::decisions {

static_assert(std::endian::native == std::endian::little, "draws are read as they are in memory");

namespace {

using Mac = std::array<std::uint8_t, 32>;

Mac mac(std::string_view key, std::string_view text) {
  Mac out{};
  unsigned int length = out.size();
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), out.data(), &length);
  return out;
}

}  // namespace

bool inArm(const ArmOf& arm, std::string_view identity) {
  if (arm.salt.empty()) return true;
  if (arm.arm == nullptr || identity.empty()) return false;
  const Mac hash = mac(identity, "dvpe experiment " + arm.salt);
  std::uint64_t number = 0;
  std::memcpy(&number, hash.data(), sizeof number);
  const int bucket = static_cast<int>(number % 10'000);
  for (const auto& [from, until] : arm.arm->buckets) {
    if (bucket >= from && bucket < until) return true;
  }
  return false;
}

std::vector<std::string> armsOf(const Compiled& compiled, std::string_view channel, std::string_view identity) {
  std::vector<std::string> out;
  const auto* found = compiled.channel(channel);
  if (found == nullptr) return out;
  for (const auto& [name, arm] : found->arms) {
    if (inArm(arm, identity)) out.push_back(name);
  }
  return out;
}

namespace impl {

Draws::Draws() : cipher_(EVP_CIPHER_CTX_new()) {
  EVP_EncryptInit_ex(cipher_.get(), EVP_aes_128_ecb(), nullptr, nullptr, nullptr);
  EVP_CIPHER_CTX_set_padding(cipher_.get(), 0);
}

void Draws::begin(std::string_view session, std::string_view channel, std::uint64_t breakNumber) {
  std::array<char, 96> text{};  // a channel's name has up to 64 characters
  std::memcpy(text.data(), "dvpe draw", 9);
  std::memcpy(text.data() + 16, &breakNumber, sizeof breakNumber);
  const std::size_t length = channel.copy(text.data() + 24, 72);
  const Mac key = mac(session, {text.data(), 24 + length});
  EVP_EncryptInit_ex(cipher_.get(), nullptr, nullptr, key.data(), nullptr);
}

std::span<const std::array<std::uint64_t, 2>> Draws::draw(const std::vector<Ask>& asks) {
  out_.resize(asks.size());
  if (asks.empty()) return out_;
  static_assert(sizeof(Ask) == 16 && sizeof out_[0] == 16);
  int length = 0;
  EVP_EncryptUpdate(cipher_.get(), reinterpret_cast<unsigned char*>(out_.data()), &length,
                    reinterpret_cast<const unsigned char*>(asks.data()), static_cast<int>(asks.size() * sizeof(Ask)));
  return out_;
}

}  // namespace impl

}  // namespace dvpe::decisions
