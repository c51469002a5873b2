// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node privacy list: how requests of viewers to be forgotten stand.
#include "node/main/command.h"
#include "node/main/sign_in.h"

namespace dvpe::node {

using base::Result;

namespace {

constexpr const char* kList =
    "SELECT request, state, requested_at, due_at, tables_clear_at, done_at, array_to_string(waits_for, ' ') AS "
    "waits_for "
    "FROM registry.erasure_requests(1000)";

Result<std::size_t> list(const Arguments& arguments, Console& console) {
  DVPE_TRY(auto who, SignIn::open(arguments, console));
  DVPE_CHECK(who.connection().query("SET TIME ZONE 'UTC'"));
  return printRows(who.connection(), kList, {}, arguments.flag("--json"), console);
}

}  // namespace

int privacyListCommand(const Arguments& arguments, Console& console) {
  const auto found = list(arguments, console);
  if (!found) return failed(console, found.error());
  if (!console.quiet && !arguments.flag("--json")) console.err << found.value() << " requests.\n";
  return kExitOk;
}

}  // namespace dvpe::node
