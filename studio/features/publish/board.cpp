// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/publish/board.h"

#include <QFile>
#include <boost/json/parse.hpp>

#include "shared/decisions/compiled.h"
#include "shared/model/json.h"
#include "shared/release/signing.h"

namespace dvpe::studio {

namespace json = boost::json;
using base::ErrorCode;
using base::Result;

namespace {

constexpr const char* kDrafts =
    "SELECT d.id, d.kind, d.document, p.full_name, d.state, d.base_revision, d.version, d.author = session.me(), "
    "to_char(d.saved_at, 'YYYY-MM-DD HH24:MI') FROM dvpe.draft d LEFT JOIN dvpe.person p ON p.id = d.author "
    "WHERE d.state <> 'stored' ORDER BY d.saved_at DESC LIMIT 1000";
constexpr const char* kReleases =
    "SELECT r.sequence, to_char(r.at, 'YYYY-MM-DD HH24:MI:SS'), r.effective_at IS NOT NULL, a.nodes, a.have, "
    "a.refused, "
    "a.reason FROM dvpe.release r CROSS JOIN LATERAL (SELECT count(*) AS nodes, "
    "count(*) FILTER (WHERE state = 'effective') AS have, count(*) FILTER (WHERE state = 'refused') AS refused, "
    "coalesce(max(reason) FILTER (WHERE state = 'refused'), '') AS reason FROM dvpe.acknowledgement a "
    "WHERE a.sequence = r.sequence) a ORDER BY r.sequence DESC LIMIT 20";
constexpr const char* kPublished =
    "SELECT kind, document, contents FROM (SELECT DISTINCT ON (r.kind, r.document) r.kind, r.document, r.withdrawn, "
    "convert_from(r.contents, 'UTF8') AS contents FROM dvpe.revision r WHERE r.kind <> 'hold' "
    "ORDER BY r.kind, r.document, r.revision DESC) x WHERE NOT withdrawn LIMIT 10000";
constexpr qint64 kMostKey = 8192;

QString text(const database::Rows& rows, std::size_t row, int column) {
  return QString::fromStdString(std::string(rows.text(row, column)));
}

struct Read {
  std::vector<WaitingDraft> drafts;
  std::vector<PublishedRelease> releases;
};

Result<Read> read(database::Connection& connection) {
  Read out;
  DVPE_TRY(const auto drafts, connection.query(kDrafts));
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    out.drafts.push_back({text(drafts, i, 0), text(drafts, i, 1), text(drafts, i, 2), text(drafts, i, 3),
                          text(drafts, i, 4), static_cast<int>(drafts.integer(i, 5)),
                          static_cast<int>(drafts.integer(i, 6)), drafts.flag(i, 7), text(drafts, i, 8)});
  }
  DVPE_TRY(const auto releases, connection.query(kReleases));
  for (std::size_t i = 0; i < releases.size(); ++i) {
    out.releases.push_back({releases.integer(i, 0), text(releases, i, 1), releases.flag(i, 2),
                            static_cast<int>(releases.integer(i, 3)), static_cast<int>(releases.integer(i, 4)),
                            static_cast<int>(releases.integer(i, 5)), text(releases, i, 6)});
  }
  return out;
}

// As the coordinator and the nodes will look at it: with everything else that is published.
QStringList check(const std::vector<model::DocumentText>& texts, const std::string& name) {
  auto loaded = model::readDocuments(texts);
  std::vector<model::DocumentError> errors = std::move(loaded.errors);
  auto built = decisions::build(std::make_shared<const model::Documents>(std::move(loaded.documents)));
  errors.insert(errors.end(), built.errors.begin(), built.errors.end());
  QStringList out;
  for (const model::DocumentError& each : errors) {
    if (each.document != name) continue;
    const QString line = QString::fromStdString(each.path + ": " + each.message);
    if (!out.contains(line)) out << line;
  }
  return out;
}

Result<Looked> lookAt(database::Connection& connection, const WaitingDraft& draft) {
  Looked out;
  out.draft = draft.id;
  DVPE_TRY(const auto rows,
           connection.query("SELECT contents FROM dvpe.draft WHERE id = $1::uuid", {draft.id.toStdString()}));
  if (rows.empty()) return base::fail(ErrorCode::kNotFound, "this draft is gone");
  const std::string contents(rows.text(0, 0)), kind = draft.kind.toStdString(), document = draft.document.toStdString();
  DVPE_TRY(const auto published, connection.query(kPublished));
  std::vector<model::DocumentText> texts{{kind + " " + document, contents}};
  boost::system::error_code error;
  const json::value after = json::parse(contents, error);
  std::optional<json::value> before;
  for (std::size_t i = 0; i < published.size(); ++i) {
    if (published.text(i, 0) == kind && published.text(i, 1) == document) {
      boost::system::error_code ignored;
      before = json::parse(std::string(published.text(i, 2)), ignored);
    } else {
      texts.push_back({std::string(published.text(i, 0)) + " " + std::string(published.text(i, 1)),
                       std::string(published.text(i, 2))});
    }
  }
  if (!error) out.differences = differences(before ? &*before : nullptr, after);
  out.mistakes = check(texts, kind + " " + document);
  return out;
}

Result<bool> signAndStore(database::Connection& connection, const WaitingDraft& draft, const QString& keyFile,
                          const std::string& passphrase) {
  QFile file(keyFile);
  if (!file.open(QIODevice::ReadOnly) || file.size() > kMostKey) {
    return base::fail(ErrorCode::kIo, "the key's file cannot be read");
  }
  DVPE_TRY(const auto key, release::PrivateKey::open(file.readAll().toStdString(), passphrase));
  // Exactly the bytes that were approved.
  DVPE_TRY(const auto rows,
           connection.query("SELECT contents FROM dvpe.draft WHERE id = $1::uuid AND version = $2::int AND "
                            "state = 'approved' AND author = session.me()",
                            {draft.id.toStdString(), std::int64_t{draft.version}}));
  if (rows.empty()) return base::fail(ErrorCode::kConflict, "this is not approved as it is now");
  release::Signed made{std::string(rows.text(0, 0)), {}};
  addSignature(made, release::Domain::kDocument, key);
  const auto& signature = made.by.at(0).signature;
  DVPE_CHECK(connection.query("SELECT registry.store($1, $2, $3::int, $4, $5, $6, NULL)",
                              {draft.kind.toStdString(), draft.document.toStdString(), std::int64_t{draft.base} + 1,
                               base::Bytes(made.bytes.begin(), made.bytes.end()), made.by.at(0).key,
                               base::Bytes(signature.begin(), signature.end())}));
  return true;
}

}  // namespace

Board::Board(Desk& desk, QObject* parent) : QObject(parent), desk_(desk) {}

void Board::refresh() {
  if (std::exchange(reading_, true)) return;
  desk_.session.ask<Read>(this, read, [this](Result<Read> result) {
    reading_ = false;
    if (!result) {
      emit failed(QString::fromStdString(result.error().message));
      return;
    }
    if (drafts_ == result.value().drafts && releases_ == result.value().releases) return;
    drafts_ = std::move(result.value().drafts);
    releases_ = std::move(result.value().releases);
    emit changed();
  });
}

void Board::look(const WaitingDraft& draft) {
  desk_.session.ask<Looked>(
      this, [draft](database::Connection& connection) { return lookAt(connection, draft); },
      [this](Result<Looked> result) {
        if (result) {
          emit looked(result.value());
        } else {
          emit failed(QString::fromStdString(result.error().message));
        }
      });
}

void Board::change(const QString& said, std::function<Result<bool>(database::Connection&)> work) {
  desk_.session.ask<bool>(this, std::move(work), [this, said](Result<bool> result) {
    if (result) {
      emit done(said);
    } else {
      emit failed(QString::fromStdString(result.error().message));
    }
    refresh();
  });
}

void Board::review(const WaitingDraft& draft, bool approve, const QString& remark) {
  change(approve ? tr("%1 is approved. Its author can publish it now.").arg(draft.document)
                 : tr("%1 goes back to its author.").arg(draft.document),
         [draft, approve, remark = remark.toStdString()](database::Connection& connection) -> Result<bool> {
           DVPE_CHECK(connection.query("SELECT registry.review($1::uuid, $2::int, $3, $4)",
                                       {draft.id.toStdString(), std::int64_t{draft.version}, approve, remark}));
           return true;
         });
}

void Board::publish(const WaitingDraft& draft, const QString& keyFile, const QString& passphrase) {
  change(tr("%1 is signed. It goes on air with the next release, within seconds.").arg(draft.document),
         [draft, keyFile, secret = passphrase.toStdString()](database::Connection& connection) {
           return signAndStore(connection, draft, keyFile, secret);
         });
}

}  // namespace dvpe::studio
