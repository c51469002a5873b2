// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
// dvpe-node db migrate|check: the schema of the control plane, and whether anybody has loosened it.
#include <boost/json.hpp>

#include "node/main/command.h"
#include "node/main/resources.h"
#include "node/main/sign_in.h"
#include "shared/database/check.h"
#include "shared/database/migrate.h"

namespace dvpe::node {

namespace json = boost::json;

namespace {

// As the superuser or anybody: nothing here needs a second factor.
base::Result<database::Connection> connect(const Arguments& arguments, const Console& console) {
  DVPE_TRY(const auto options, connectOptions(arguments, console));
  return database::Connection::open(options);
}

}  // namespace

int dbMigrateCommand(const Arguments& arguments, Console& console) {
  const std::string given = arguments.value("--migrations");
  const auto migrations =
      database::loadMigrations(given.empty() ? resourcesFolder() / "sql" : std::filesystem::path(given));
  if (!migrations) return failed(console, migrations.error());
  auto connection = connect(arguments, console);
  if (!connection) return failed(console, connection.error());
  const auto done = database::migrate(connection.value(), migrations.value());
  if (!done) return failed(console, done.error());
  const auto [from, to] = done.value();
  if (arguments.flag("--json")) {
    console.out << json::object{{"from", from}, {"to", to}} << "\n";
  } else if (!console.quiet) {
    console.err << (from == to
                        ? "The schema has version " + std::to_string(to) + " already.\n"
                        : "The schema went from version " + std::to_string(from) + " to " + std::to_string(to) + ".\n");
  }
  return kExitOk;
}

int dbCheckCommand(const Arguments& arguments, Console& console) {
  auto connection = connect(arguments, console);
  if (!connection) return failed(console, connection.error());
  const auto checked = database::checkStrictness(connection.value());
  if (!checked) return failed(console, checked.error());
  const database::Strictness& found = checked.value();
  if (arguments.flag("--json")) {
    json::array loose;
    for (const auto& l : found.loose) loose.push_back(json::object{{"what", l.what}, {"objects", l.objects}});
    console.out << json::object{{"strict", found.loose.empty()},
                                {"loose", std::move(loose)},
                                {"serverRoles", json::array(found.serverRoles.begin(), found.serverRoles.end())}}
                << "\n";
  } else {
    for (const auto& l : found.loose) console.out << l.what << ": " << l.objects << "\n";
    if (!console.quiet) {
      for (const auto& r : found.serverRoles) console.err << "member of the server's own role " << r << "\n";
      if (found.loose.empty()) console.err << "The database is as strict as it should be.\n";
    }
  }
  return found.loose.empty() ? kExitOk : kExitFailed;
}

}  // namespace dvpe::node
