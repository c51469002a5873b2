// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What is signed, as the database keeps it: exact bytes with the signatures beside them. Nothing is checked here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/database/connection.h"
#include "shared/release/release.h"

namespace dvpe::database {

// Three columns from this one on: bytes, the key's name, its signature. Nothing: the bytes are NULL. kInvalidInput.
base::Result<std::optional<release::Signed>> signedAt(const Rows& rows, std::size_t row, int column);

// The revisions of the keys that follow this one, by their numbers; after 0: all. An admin has stored them; whether
// they count is for a KeyRing to say.
base::Result<std::map<int, release::Signed>> keysAfter(Connection& connection, int revision);

// Documents by digest, with their second signatures. Those that are not there, or not for this login, are left out.
base::Result<std::map<std::string, release::StoredDocument>> storedDocuments(Connection& connection,
                                                                             const std::vector<std::string>& digests);

// The signature of what was signed once, as a parameter.
base::Bytes signatureOf(const release::Signed& document);
// Text as a parameter of type bytea.
base::Bytes bytesOf(const std::string& text);

}  // namespace dvpe::database
