// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Is this database as strict as we left it? Asked at every start: the rights of people and machines stand in it and
// nowhere else, so a node, a coordinator or a studio does not work with one that somebody has loosened.
#pragma once

#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/database/connection.h"

namespace dvpe::database {

struct Looseness {
  std::string what;     // "tables without forced row security"
  std::string objects;  // which
};

struct Strictness {
  std::vector<Looseness> loose;  // any: do not work with it
  // "pg_read_all_stats: dvpe_clock", for a person to look at. Members beyond those that our own roles need are loose.
  std::vector<std::string> serverRoles;
};

// A connection to a database that nobody has loosened. As Connection::open; kRefused also says what is loose.
base::Result<Connection> openStrict(const ConnectOptions& options);

// Reads the catalogue only; any login may.
base::Result<Strictness> checkStrictness(Connection& connection);

}  // namespace dvpe::database
