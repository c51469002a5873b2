// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/database_options.h"

#include <charconv>

#include "node/main/secrets.h"

namespace dvpe::node {

base::Result<void> setServer(const std::string& server, database::ConnectOptions& options) {
  options.host = server;
  const std::size_t colon = server.rfind(':');
  if (colon == std::string::npos || server.starts_with('/') || server.ends_with(']')) return base::success();
  const char* const end = server.data() + server.size();
  const auto [after, error] = std::from_chars(server.data() + colon + 1, end, options.port);
  if (error != std::errc{} || after != end || options.port == 0)
    return base::fail(base::ErrorCode::kInvalidInput, "a server is HOST:PORT, or the folder of a local socket");
  options.host = server.substr(0, colon);
  if (options.host.starts_with('[') && options.host.ends_with(']'))
    options.host = options.host.substr(1, options.host.size() - 2);
  return base::success();
}

base::Result<database::ConnectOptions> databaseOptions(const Config::Database& database) {
  database::ConnectOptions options;
  DVPE_CHECK(setServer(database.server, options));
  options.database = database.name;
  options.user = database.user;
  options.rootCertificate = database.rootCertificate.string();
  if (!database.password.empty()) {
    DVPE_TRY(options.password, readPassword(database.password));
  }
  return options;
}

}  // namespace dvpe::node
