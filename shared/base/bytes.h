// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Byte buffers that stages hand on. A payload is immutable once shared.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dvpe::base {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using SharedBytes = std::shared_ptr<const Bytes>;

// Bytes that nobody changes any more, to be handed on.
inline SharedBytes share(Bytes&& bytes) { return std::make_shared<const Bytes>(std::move(bytes)); }
// Text as bytes; valid as long as the text is.
inline ByteView view(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Lower-case hexadecimal, and SHA-256 as 64 such characters.
std::string hex(ByteView bytes);
std::string sha256(ByteView bytes);

}  // namespace dvpe::base
