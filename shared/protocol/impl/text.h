// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#pragma once

#include <string_view>

namespace dvpe::protocol::impl {

// Whether this is so many hexadecimal digits, in lower case.
inline bool isHex(std::string_view text, std::size_t digits) {
  return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace dvpe::protocol::impl
