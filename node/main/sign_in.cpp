// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/sign_in.h"

#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "node/main/database_options.h"
#include "shared/database/grants.h"
#include "shared/privacy/secret.h"

namespace dvpe::node {

using base::ErrorCode;
using base::fail;
using base::Result;

Result<database::ConnectOptions> connectOptions(const Arguments& arguments, const Console& console) {
  database::ConnectOptions options;
  if (const std::string server = arguments.value("--server"); !server.empty()) DVPE_CHECK(setServer(server, options));
  if (arguments.values.contains("--database")) options.database = arguments.value("--database");
  options.user = arguments.value("--user");
  options.rootCertificate = arguments.value("--root-certificate");
  options.application = "dvpe-node";
  if (const std::string file = arguments.value("--password-file"); !file.empty()) {
    DVPE_TRY(options.password, privacy::readSecretFile(file, 1024));
    while (!options.password.empty() && options.password.back() == '\n') options.password.pop_back();
  } else if (console.ask && !options.host.starts_with('/')) {
    const auto typed = console.ask("Password: ");
    if (!typed) return fail(ErrorCode::kInvalidInput, "a password is needed: type it, or use --password-file");
    options.password = *typed;
  }
  return options;
}

Result<OneTimeCodes> OneTimeCodes::of(const Arguments& arguments, const Console& console) {
  OneTimeCodes out;
  out.ask_ = console.ask;
  const std::string file = arguments.value("--code-file");
  if (file.empty()) return out;
  out.fromFile_ = true;
  DVPE_TRY(const std::string text, privacy::readSecretFile(file, 4096));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) out.lines_.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Result<std::string> OneTimeCodes::next(std::string_view what) {
  if (!fromFile_ && ask_) {
    if (const auto typed = ask_(what)) return *typed;
  }
  if (lines_.empty()) {
    return fail(ErrorCode::kInvalidInput, fromFile_ ? "--code-file has no further one-time password"
                                                    : "a one-time password is needed: type it, or use --code-file");
  }
  std::string out = std::move(lines_.front());
  lines_.pop_front();
  return out;
}

Result<SignIn> SignIn::open(const Arguments& arguments, const Console& console) {
  DVPE_TRY(auto options, connectOptions(arguments, console));
  DVPE_TRY(auto codes, OneTimeCodes::of(arguments, console));
  DVPE_TRY(auto connection, database::Connection::open(options));
  DVPE_TRY(const auto who, connection.query("SELECT rolsuper OR pg_has_role(session_user, 'dvpe_machine', 'MEMBER') "
                                            "FROM pg_roles WHERE rolname = session_user"));
  if (!who.empty() && !who.flag(0, 0)) {
    DVPE_TRY(const std::string code, codes.next("One-time password: "));
    DVPE_CHECK(database::prove(connection, code));
  }
  return SignIn(std::move(options), std::move(codes), std::move(connection));
}

Result<std::string> SignIn::grantFor(const Arguments& arguments, const Console& console,
                                     const std::vector<std::string>& changes) {
  DVPE_TRY(const auto options, connectOptions(arguments, console));
  DVPE_TRY(auto codes, OneTimeCodes::of(arguments, console));
  DVPE_TRY(const std::string code, codes.next("One-time password, to confirm: "));
  DVPE_TRY(auto fresh, database::Connection::open(options));
  return database::beginAction(fresh, changes, code);
}

Result<std::string> SignIn::grant(const std::vector<std::string>& changes) {
  DVPE_TRY(const std::string code, codes_.next("The next one-time password, to confirm: "));
  DVPE_TRY(auto fresh, database::Connection::open(options_));
  return database::beginAction(fresh, changes, code);
}

Result<std::size_t> printRows(database::Connection& connection, const std::string& select,
                              const std::vector<database::Param>& params, bool json, Console& console) {
  if (json) {
    DVPE_TRY(const auto rows,
             connection.query("SELECT coalesce(jsonb_agg(to_jsonb(x)), '[]')::text, count(*) FROM (" + select + ") x",
                              params));
    console.out << rows.text(0, 0) << "\n";
    return static_cast<std::size_t>(rows.integer(0, 1));
  }
  DVPE_TRY(const auto rows, connection.query(select, params));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (int c = 0; c < rows.columns(); ++c) {
      const std::string text = printable(rows.text(i, c));
      console.out << (c == 0 ? "" : "\t") << (text.empty() ? "-" : text);
    }
    console.out << "\n";
  }
  return rows.size();
}

std::optional<std::string> askHidden(std::string_view prompt) {
  termios before{};
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    termios hidden = before;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    std::cerr << prompt << std::flush;
  }
  std::string line;
  const bool read = static_cast<bool>(std::getline(std::cin, line));
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::cerr << "\n";
  }
  return read && !line.empty() ? std::optional(line) : std::nullopt;
}

}  // namespace dvpe::node
