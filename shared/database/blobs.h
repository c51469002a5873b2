// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Blobs in PostgreSQL: files by the SHA-256 of what is in them, in chunks of 1 MiB (design, section 5). Bounded memory:
// a few chunks at a time. One thread, that of the connection.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "shared/base/result.h"
#include "shared/database/connection.h"

namespace dvpe::database {

inline constexpr std::int64_t kMaxBlobBytes = std::int64_t{8} << 30;

struct Transfer {
  std::int64_t mostBytes = kMaxBlobBytes;      // longer copies are passed over; of fetching
  std::function<base::Result<void>()> each{};  // asked after every chunk; its error ends the transfer
};

// Sends a file, or what is missing of it when it was sent in part before, and returns its digest in hexadecimal.
// Nothing is sent when the organisation has it already. kNotFound, kIo; kConflict: the file changed meanwhile;
// kRefused, kInvalidInput: what the database says (roles, quota).
base::Result<std::string> putBlob(Connection& connection, const std::filesystem::path& file,
                                  const std::string& mediaType, const Transfer& transfer = {});

// Fetches a blob into a file, which appears whole, verified and flushed, or not at all; a file of that name is
// replaced. Copies of several organisations are tried one after the other: anybody may upload anything under a digest.
// kNotFound: none that this login may read; kConflict: none has this digest; kInvalidInput: not a digest; kIo.
base::Result<void> fetchBlob(Connection& connection, const std::string& digest, const std::filesystem::path& to,
                             const Transfer& transfer = {});

}  // namespace dvpe::database
