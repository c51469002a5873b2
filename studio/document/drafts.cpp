// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/document/drafts.h"

#include <QCryptographicHash>
#include <QFile>
#include <QSaveFile>
#include <QStandardPaths>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace dvpe::studio {

namespace json = boost::json;

namespace {
constexpr int kPause = 2000;  // ms
constexpr qint64 kMostBytes = 2 << 20;
}  // namespace

Drafts::Drafts(const QString& server, const QString& person, QObject* parent) : QObject(parent) {
  // A server's name may hold anything.
  const QByteArray whose = (server + QLatin1Char('\n') + person).toUtf8();
  const QString name =
      QString::fromLatin1(QCryptographicHash::hash(whose, QCryptographicHash::Sha256).toHex().left(16));
  folder_ = QDir(QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + QStringLiteral("/drafts/") + name);
  folder_.mkpath(QStringLiteral("."));
  QFile::setPermissions(folder_.path(), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
}

Drafts::~Drafts() { keepAll(); }

QString Drafts::pathOf(const Document& document) const {
  return folder_.filePath(document.kind() + QLatin1Char('-') + document.id() + QStringLiteral(".json"));
}

bool Drafts::watch(Document& document) {
  auto* timer = new QTimer(&document);
  timer->setSingleShot(true);
  timer->setInterval(kPause);
  watched_.insert(&document, timer);
  connect(timer, &QTimer::timeout, this, [this, &document] { keep(document); });
  connect(&document, &QObject::destroyed, this, [this, gone = &document] { watched_.remove(gone); });
  QFile file(pathOf(document));
  bool restored = false;
  if (file.size() <= kMostBytes && file.open(QIODevice::ReadOnly)) {
    const QByteArray text = file.readAll();
    boost::system::error_code error;
    json::value kept = json::parse(std::string_view(text.data(), static_cast<std::size_t>(text.size())), error);
    const json::value* base = !error && kept.is_object() ? kept.get_object().if_contains("base") : nullptr;
    const json::value* contents = base != nullptr ? kept.get_object().if_contains("contents") : nullptr;
    // What was made from another revision is kept on disk, for its author to look at, and not mixed in.
    if (contents != nullptr && contents->is_object() && *base == json::value(document.baseRevision()) &&
        *contents != document.contents()) {
      document.restore(*contents);
      restored = true;
    }
  }
  const auto later = [timer] { timer->start(); };
  connect(&document, &Document::changed, timer, later);
  connect(&document.undo(), &QUndoStack::cleanChanged, timer, later);
  return restored;
}

void Drafts::keep(Document& document) {
  const QString path = pathOf(document);
  if (!document.unsaved()) {
    QFile::remove(path);
    return;
  }
  QSaveFile file(path);
  const std::string text =
      json::serialize(json::object{{"base", document.baseRevision()}, {"contents", document.contents()}});
  const bool done = file.open(QIODevice::WriteOnly) && file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) &&
                    file.write(text.data(), static_cast<qint64>(text.size())) == static_cast<qint64>(text.size()) &&
                    file.commit();
  if (!done) emit failed(tr("What you write cannot be kept on this disk: %1").arg(file.errorString()));
}

void Drafts::keepAll() {
  for (auto it = watched_.begin(); it != watched_.end(); ++it) {
    if (!it.value()->isActive()) continue;
    it.value()->stop();
    keep(*it.key());
  }
}

}  // namespace dvpe::studio
