// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#pragma once

namespace dvpe::media::impl {

// Set once by useBaselineCpu(), before anything else of this library is used.
bool baselineCpu();

}  // namespace dvpe::media::impl
