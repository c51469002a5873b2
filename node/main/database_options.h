// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// [database] of the configuration as a connection wants it.
#pragma once

#include "node/main/config.h"
#include "shared/database/connection.h"

namespace dvpe::node {

// HOST[:PORT], [ADDRESS]:PORT for IPv6, or the folder of a local socket. kInvalidInput.
base::Result<void> setServer(const std::string& server, database::ConnectOptions& options);

// Reads the password's file. kInvalidInput, kNotFound, kRefused: of the file.
base::Result<database::ConnectOptions> databaseOptions(const Config::Database& database);

}  // namespace dvpe::node
