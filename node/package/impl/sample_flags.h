// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Sample flags (ISO/IEC 14496-12, 8.8.3.1).
#pragma once

#include <cstdint>

namespace dvpe::package::impl {

inline constexpr std::uint32_t kNonSync = 0x00010000;

// A sync sample that depends on no other, or one that is neither.
inline constexpr std::uint32_t sampleFlags(bool key) { return key ? 0x02000000 : 0x01010000; }

}  // namespace dvpe::package::impl
