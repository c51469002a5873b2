// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How a person proves themselves to the database (design, section 7): once per connection with a one-time password, and
// again, over a connection that was just opened with the password, for a grant for exactly one list of changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/database/connection.h"

namespace dvpe::database {

// The name of a change: what is to be done and each of its arguments as PostgreSQL writes them (session.change).
std::string changeName(const std::vector<std::string>& parts);

// session.prove. kRefused says why in words: wrong, locked, disabled.
base::Result<void> prove(Connection& connection, const std::string& code);

// session.begin_action: a grant's id. The connection must be less than 10 s old, and each code works once; the grant is
// used within 60 s over a connection of the same login that has proved itself.
base::Result<std::string> beginAction(Connection& fresh, const std::vector<std::string>& changes,
                                      const std::string& code);

}  // namespace dvpe::database
