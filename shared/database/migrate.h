// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The schema's versions: numbered scripts, applied once each, in order, forward only.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/database/connection.h"

namespace dvpe::database {

// NNNN_name.sql
struct Migration {
  int number = 0;
  std::string name;
  std::string sql;
  std::string digest;  // SHA-256 of sql
};

// The scripts of a folder in the order of their numbers, which run from 1 without a gap. kInvalidInput, kIo.
base::Result<std::vector<Migration>> loadMigrations(const std::filesystem::path& folder);

struct Migrated {
  int from = 0, to = 0;  // versions; 0: an empty database
};

// Brings the schema to the newest version, each script in a transaction of its own; two that run at once do it once.
// kConflict: the schema is newer than these scripts, or one that was applied has been changed since. Needs a superuser:
// roles and column rights in the catalogue are part of the schema.
base::Result<Migrated> migrate(Connection& connection, const std::vector<Migration>& migrations);

// The schema's version; 0: none.
base::Result<int> schemaVersion(Connection& connection);

}  // namespace dvpe::database
