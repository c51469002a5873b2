// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Blobs in PostgreSQL: files by the SHA-256 of what is in them, in chunks of 1 MiB (design, section 5). Bounded memory:
// a few chunks at a time. One thread, that of the connection.
#pragma once

#include <filesystem>
#include <string>

#include "shared/base/result.h"
#include "shared/database/connection.h"

namespace dvpe::database {

// Sends a file, or what is missing of it when it was sent in part before, and returns its digest in hexadecimal.
// Nothing is sent when the organisation has it already. kNotFound, kIo; kConflict: the file changed meanwhile;
// kRefused, kInvalidInput: what the database says (roles, quota).
base::Result<std::string> putBlob(Connection& connection, const std::filesystem::path& file,
                                  const std::string& mediaType);

// Fetches a blob into a file, which appears whole, verified and flushed, or not at all; a file of that name is
// replaced. Copies of several organisations are tried one after the other: anybody may upload anything under a digest.
// kNotFound: none that this login may read; kConflict: none has this digest; kInvalidInput: not a digest; kIo.
base::Result<void> fetchBlob(Connection& connection, const std::string& digest, const std::filesystem::path& to);

}  // namespace dvpe::database
