// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Files that are signed: FILE, and beside it FILE.sig with the signatures as JSON.
#pragma once

#include <filesystem>
#include <string>

#include "shared/base/result.h"
#include "shared/release/signing.h"

namespace dvpe::node {

inline constexpr std::size_t kMaxSignedFile = 4 << 20;

// The whole of a file. kNotFound; kLimitExceeded: more than kMaxSignedFile.
base::Result<std::string> readFile(const std::filesystem::path& path);
// FILE.sig
std::filesystem::path signaturesOf(const std::filesystem::path& file);
// Without FILE.sig: no signatures yet. They are read, not checked.
base::Result<release::Signed> readSigned(const std::filesystem::path& file);

}  // namespace dvpe::node
