// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/rules/rulesets.h"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace dvpe::studio {

namespace json = boost::json;
using base::Result;

namespace {

// The newest revision of each, and in its place this person's draft of it, unless that was made from an older one.
constexpr const char* kRead =
    "WITH signed AS (SELECT DISTINCT ON (r.document) r.document, r.revision, convert_from(r.contents, 'UTF8') AS "
    "contents, "
    "r.withdrawn FROM dvpe.revision r WHERE r.kind = 'ruleset' AND r.organisation = session.organisation() "
    "ORDER BY r.document, r.revision DESC), "
    "mine AS (SELECT d.document, d.base_revision, d.version, d.contents, d.state FROM dvpe.draft d "
    "WHERE d.kind = 'ruleset' AND d.author = session.me()) "
    "SELECT CASE WHEN m.base_revision >= coalesce(s.revision, 0) THEN m.contents ELSE s.contents END, "
    "coalesce(s.revision, m.base_revision), coalesce(m.version, 0), m.base_revision >= coalesce(s.revision, 0) "
    "FROM signed s FULL JOIN mine m USING (document) WHERE s.withdrawn IS NOT TRUE ORDER BY document LIMIT 10000";

}  // namespace

Rulesets::Rulesets(Desk& desk, QObject* parent) : QObject(parent), desk_(desk) {}

void Rulesets::load() {
  desk_.session.ask<std::vector<Row>>(
      this,
      [](database::Connection& connection) -> Result<std::vector<Row>> {
        DVPE_TRY(const auto rows, connection.query(kRead));
        std::vector<Row> out;
        for (std::size_t i = 0; i < rows.size(); ++i) {
          out.push_back({std::string(rows.text(i, 0)), static_cast<int>(rows.integer(i, 1)),
                         static_cast<int>(rows.integer(i, 2)), rows.flag(i, 3)});
        }
        return out;
      },
      [this](Result<std::vector<Row>> rows) {
        if (rows) {
          take(std::move(rows).value());
        } else {
          emit failed(tr("Rules cannot be read: %1").arg(QString::fromStdString(rows.error().message)));
        }
      });
}

void Rulesets::take(std::vector<Row> rows) {
  std::vector<std::unique_ptr<Document>> fresh;
  int restored = 0;
  for (Row& row : rows) {
    boost::system::error_code error;
    json::value read = json::parse(row.contents, error);
    if (error || !read.is_object()) continue;  // nobody signed that; and a draft is never stored so
    auto made = std::make_unique<Document>(std::move(read.get_object()), row.base, row.version, row.drafted);
    const auto known =
        std::find_if(all_.begin(), all_.end(), [&](const auto& each) { return each && each->id() == made->id(); });
    const bool keep = known != all_.end() &&
                      ((*known)->unsaved() ||
                       ((*known)->contents() == made->contents() && (*known)->version() == made->version() &&
                        (*known)->drafted() == made->drafted() && (*known)->baseRevision() == made->baseRevision()));
    if (keep) {
      fresh.push_back(std::move(*known));
      continue;
    }
    desk_.undo.addStack(&made->undo());
    if (desk_.drafts.watch(*made)) ++restored;
    fresh.push_back(std::move(made));
  }
  for (auto& gone : all_) {
    if (gone && gone->unsaved()) fresh.push_back(std::move(gone));
  }
  std::swap(all_, fresh);  // what nobody needs any more goes after everybody has heard of it
  emit loaded();
  if (restored > 0) desk_.say(tr("What you had not saved is as you left it. Rulesets: %1.").arg(restored));
}

void Rulesets::save(Document& document) {
  const std::string kind = document.kind().toStdString(), id = document.id().toStdString(), text = document.draft();
  const int base = document.baseRevision(), version = document.version();
  QPointer<Document> guard(&document);
  desk_.session.ask<int>(
      this,
      [=](database::Connection& connection) -> Result<int> {
        DVPE_TRY(const auto rows, connection.query("SELECT registry.save_draft($1, $2, $3, $4::int, $5::int)",
                                                   {kind, id, text, std::int64_t{base}, std::int64_t{version}}));
        if (rows.null(0, 0)) return base::fail(base::ErrorCode::kConflict, "somebody has saved another one since");
        return static_cast<int>(rows.integer(0, 0));
      },
      [this, guard](Result<int> done) {
        if (!done) {
          emit failed(tr("The draft was not saved: %1. What you wrote is kept here.")
                          .arg(QString::fromStdString(done.error().message)));
        } else if (guard) {
          guard->saved(done.value());
          emit saved(guard);
        }
      });
}

void Rulesets::submit(Document& document) {
  const std::string id = document.id().toStdString();
  const int version = document.version();
  QPointer<Document> guard(&document);
  desk_.session.ask<bool>(
      this,
      [=](database::Connection& connection) -> Result<bool> {
        DVPE_CHECK(
            connection.query("SELECT registry.submit(d.id, d.version) FROM dvpe.draft d WHERE d.kind = 'ruleset' "
                             "AND d.document = $1 AND d.author = session.me() AND d.version = $2::int",
                             {id, std::int64_t{version}}));
        return true;
      },
      [this, guard](Result<bool> done) {
        if (!done) {
          emit failed(tr("The draft was not given to review: %1").arg(QString::fromStdString(done.error().message)));
        } else if (guard) {
          emit submitted(guard);
        }
      });
}

}  // namespace dvpe::studio
