// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How commands reach the database as a person, a machine or the superuser: --server, --database, --user,
// --password-file, --root-certificate, --code-file. Secrets come from files or are typed, never from arguments.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/main/command.h"
#include "shared/database/connection.h"

namespace dvpe::node {

// Where to connect and as whom; the password is read from its file, or typed where `ask` can.
base::Result<database::ConnectOptions> connectOptions(const Arguments& arguments, const Console& console);

// One-time passwords: the lines of --code-file, each once, or typed one by one.
class OneTimeCodes {
 public:
  static base::Result<OneTimeCodes> of(const Arguments& arguments, const Console& console);
  // kInvalidInput: there is no further one.
  base::Result<std::string> next(std::string_view what);

 private:
  std::deque<std::string> lines_;
  bool fromFile_ = false;
  std::function<std::optional<std::string>(std::string_view)> ask_;
};

// Somebody who has signed in. One thread.
class SignIn {
 public:
  // Connects; a person proves the second factor too, a machine and the superuser need not.
  static base::Result<SignIn> open(const Arguments& arguments, const Console& console);

  // A grant that somebody else uses up, such as a node: one proof, one one-time password.
  static base::Result<std::string> grantFor(const Arguments& arguments, const Console& console,
                                            const std::vector<std::string>& changes);

  database::Connection& connection() { return connection_; }
  // Proves who it is anew, over a new connection, for exactly these changes; to be used within a minute on
  // connection().
  base::Result<std::string> grant(const std::vector<std::string>& changes);

 private:
  SignIn(database::ConnectOptions options, OneTimeCodes codes, database::Connection connection)
      : options_(std::move(options)), codes_(std::move(codes)), connection_(std::move(connection)) {}
  database::ConnectOptions options_;
  OneTimeCodes codes_;
  database::Connection connection_;
};

// Prints what a SELECT gives: with --json one line with a list of objects, else a line for each row, columns parted by
// tabs, "-" for nothing. Characters that would move a terminal's cursor are shown as '?'.
base::Result<std::size_t> printRows(database::Connection& connection, const std::string& select,
                                    const std::vector<database::Param>& params, bool json, Console& console);

// Reads hidden text from the terminal (prompt on standard error, no echo), or a line from standard input when that is
// no terminal. Nothing: there is no more.
std::optional<std::string> askHidden(std::string_view prompt);

}  // namespace dvpe::node
