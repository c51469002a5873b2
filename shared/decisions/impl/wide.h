// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// 128 bits, for products of two 64-bit numbers: an extension of the compilers that we use.
#pragma once

namespace dvpe::decisions::impl {

__extension__ using Wide = __int128;
__extension__ using UnsignedWide = unsigned __int128;

}  // namespace dvpe::decisions::impl
