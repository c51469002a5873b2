// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/database/migrate.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

namespace dvpe::database {

using base::ErrorCode;
using base::fail;
namespace fs = std::filesystem;

namespace {

// Nobody but a superuser sees it.
constexpr const char* kTable = R"(
CREATE TABLE IF NOT EXISTS public.dvpe_migration (
  number int PRIMARY KEY, name text NOT NULL, digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
ALTER TABLE public.dvpe_migration ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
)";

base::Result<Migration> load(const fs::path& path) {
  Migration m;
  m.name = path.stem().string();
  const char* const end = m.name.data() + m.name.size();
  const auto [after, error] = std::from_chars(m.name.data(), end, m.number);
  if (error != std::errc{} || after != m.name.data() + 4 || after == end || *after != '_') {
    return fail(ErrorCode::kInvalidInput, path.string() + ": a migration is called NNNN_name.sql");
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fail(ErrorCode::kIo, path.string() + " cannot be read");
  m.sql = text.str();
  m.digest = base::sha256(base::view(m.sql));
  return m;
}

base::Result<void> apply(Connection& connection, const Migration& m) {
  return connection.transaction([&m](Connection& c) -> base::Result<void> {
    // Others wait here, and find it done.
    DVPE_CHECK(c.script("LOCK TABLE public.dvpe_migration IN ACCESS EXCLUSIVE MODE"));
    DVPE_TRY(const auto done,
             c.query("SELECT 1 FROM public.dvpe_migration WHERE number = $1", {std::int64_t{m.number}}));
    if (!done.empty()) return base::success();
    if (auto ran = c.script(m.sql); !ran) return fail(ran.error().code, m.name + ": " + ran.error().message);
    DVPE_CHECK(c.query("INSERT INTO public.dvpe_migration (number, name, digest) VALUES ($1, $2, $3)",
                       {std::int64_t{m.number}, m.name, m.digest}));
    return base::success();
  });
}

}  // namespace

base::Result<std::vector<Migration>> loadMigrations(const fs::path& folder) {
  std::error_code error;
  std::vector<Migration> out;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".sql") continue;
    DVPE_TRY(auto m, load(entry.path()));
    out.push_back(std::move(m));
  }
  if (error || out.empty()) return fail(ErrorCode::kIo, folder.string() + ": there are no migrations");
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].number != static_cast<int>(i) + 1) {
      return fail(ErrorCode::kInvalidInput, out[i].name + ": expected number " + std::to_string(i + 1));
    }
  }
  return out;
}

base::Result<int> schemaVersion(Connection& connection) {
  DVPE_TRY(const auto there, connection.query("SELECT to_regclass('public.dvpe_migration') IS NOT NULL"));
  if (!there.flag(0, 0)) return 0;
  DVPE_TRY(const auto rows, connection.query("SELECT coalesce(max(number), 0) FROM public.dvpe_migration"));
  return static_cast<int>(rows.integer(0, 0));
}

base::Result<Migrated> migrate(Connection& connection, const std::vector<Migration>& migrations) {
  DVPE_TRY(const int from, schemaVersion(connection));
  const int newest = migrations.empty() ? 0 : migrations.back().number;
  if (from > newest) {
    return fail(ErrorCode::kConflict, "the schema has version " + std::to_string(from) + ", this program knows " +
                                          std::to_string(newest) + ": use a newer program");
  }
  DVPE_CHECK(connection.script(kTable));
  DVPE_TRY(const auto applied, connection.query("SELECT number, digest FROM public.dvpe_migration ORDER BY number"));
  for (std::size_t i = 0; i < applied.size(); ++i) {
    const auto& m = migrations[static_cast<std::size_t>(applied.integer(i, 0)) - 1];
    if (applied.text(i, 1) != m.digest) {
      return fail(ErrorCode::kConflict, m.name + " is not what was applied: a migration is never changed, add another");
    }
  }
  for (const auto& m : migrations) {
    if (m.number > from) DVPE_CHECK(apply(connection, m));
  }
  return Migrated{from, newest};
}

}  // namespace dvpe::database
