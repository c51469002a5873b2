// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One visitor of several functions, for std::visit.
#pragma once

namespace dvpe::base {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
// C++20 deduces this by itself; clang 14, which looks for mistakes, does not.
template <class... F>
Overload(F...) -> Overload<F...>;

}  // namespace dvpe::base
