// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Chance that is the same on every node: a keyed hash of (session, channel, break) and of (slot, line).
#pragma once

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace dvpe::decisions::impl {

// HMAC-SHA-256 (RFC 2104) keyed by the session gives a key for the break; under it AES-128 of (line, slot) gives the
// draws, hundreds in one call. One thread at a time; keeps its memory.
class Draws {
 public:
  Draws();
  // The session's draws for a break of a channel, by its number.
  void begin(std::string_view session, std::string_view channel, std::uint64_t breakNumber);
  struct Ask {
    std::uint64_t line = 0;  // CompiledLine::drawKey
    std::uint64_t slot = 0;
  };
  // Two independent 64-bit draws for each, valid until the next call.
  std::span<const std::array<std::uint64_t, 2>> draw(const std::vector<Ask>& asks);

 private:
  struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  };
  std::unique_ptr<EVP_CIPHER_CTX, Free> cipher_;
  std::vector<std::array<std::uint64_t, 2>> out_;
};

}  // namespace dvpe::decisions::impl
