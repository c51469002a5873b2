// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Files that are signed: FILE, and beside it FILE.sig with the signatures as JSON; and the keys that sign.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "node/main/command.h"
#include "shared/base/result.h"
#include "shared/release/keys.h"
#include "shared/release/signing.h"

namespace dvpe::node {

inline constexpr std::size_t kMaxSignedFile = 4 << 20;

// The whole of a file. kNotFound; kLimitExceeded: more than kMaxSignedFile.
base::Result<std::string> readFile(const std::filesystem::path& path);
// FILE.sig
std::filesystem::path signaturesOf(const std::filesystem::path& file);
// Without FILE.sig: no signatures yet. They are read, not checked.
base::Result<release::Signed> readSigned(const std::filesystem::path& file);

// The first line of --passphrase-file.
base::Result<std::string> passphrase(const Arguments& arguments);
// The private key of --key, opened with the first line of --passphrase-file. Others may read neither (kRefused).
base::Result<release::PrivateKey> openKey(const Arguments& arguments);
// The keys in force after these files, one revision after the other, from --root on.
base::Result<release::KeyRing> readRing(const std::string& root, const std::vector<std::string>& files,
                                        release::Time now);

}  // namespace dvpe::node
