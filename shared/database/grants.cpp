// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/database/grants.h"

namespace dvpe::database {

using base::ErrorCode;
using base::fail;

namespace {

base::Result<void> understand(std::string_view status) {
  if (status == "ok") return base::success();
  const auto refused = [](const char* why) { return fail(ErrorCode::kRefused, why); };
  if (status == "wrong") return refused("the one-time password is wrong, or was used already; each works once");
  if (status == "locked") return refused("this login is locked: too many wrong one-time passwords");
  if (status == "stale") return refused("the password was typed too long ago");
  if (status == "password") return refused("this login's password was changed behind our back: it is disabled now");
  if (status == "disabled") return refused("this login is disabled");
  if (status == "none") return refused("this login has no one-time passwords");
  return refused("the database does not take this list of changes");
}

}  // namespace

std::string changeName(const std::vector<std::string>& parts) {
  std::string all;
  for (const auto& part : parts) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
      all += static_cast<char>(static_cast<std::uint32_t>(part.size()) >> shift);
    }
    all += part;
  }
  return base::sha256(base::view(all));
}

base::Result<void> prove(Connection& connection, const std::string& code) {
  DVPE_TRY(const auto rows, connection.query("SELECT session.prove($1)", {code}));
  return understand(rows.text(0, 0));
}

base::Result<std::string> beginAction(Connection& fresh, const std::vector<std::string>& changes,
                                      const std::string& code) {
  DVPE_TRY(const auto rows,
           fresh.query("SELECT status, action_grant FROM session.begin_action($1, $2)", {changes, code}));
  DVPE_CHECK(understand(rows.text(0, 0)));
  return std::string(rows.text(0, 1));
}

}  // namespace dvpe::database
