// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/session/servers.h"

#include <QRegularExpression>
#include <QSettings>

namespace dvpe::studio {

namespace {
const QString kServers = QStringLiteral("servers");
}  // namespace

QString Server::title() const { return QStringLiteral("%1:%2/%3").arg(host).arg(port).arg(database); }

bool readServer(const QString& text, Server& out) {
  static const QRegularExpression shape(
      QStringLiteral(R"(^(/[^:\s]{1,200}|[A-Za-z0-9.-]{1,253})(?::(\d{1,5}))?(?:/([A-Za-z0-9_-]{1,63}))?$)"));
  const auto match = shape.match(text.trimmed());
  if (!match.hasMatch()) return false;
  const int port = match.captured(2).isEmpty() ? 5432 : match.captured(2).toInt();
  if (port < 1 || port > 65535) return false;
  out.host = match.captured(1);
  out.port = port;
  out.database = match.captured(3).isEmpty() ? QStringLiteral("dvpe") : match.captured(3);
  return true;
}

Servers Servers::load() {
  Servers out;
  QSettings settings;
  const int count = std::min(settings.beginReadArray(kServers), kMost);
  for (int i = 0; i < count; ++i) {
    settings.setArrayIndex(i);
    Server server;
    if (!readServer(settings.value(QStringLiteral("address")).toString(), server)) continue;
    server.rootCertificate = settings.value(QStringLiteral("certificate")).toString();
    server.login = settings.value(QStringLiteral("login")).toString();
    out.all_.append(server);
  }
  settings.endArray();
  return out;
}

void Servers::save() const {
  QSettings settings;
  settings.remove(kServers);
  settings.beginWriteArray(kServers, static_cast<int>(all_.size()));
  for (int i = 0; i < all_.size(); ++i) {
    settings.setArrayIndex(i);
    settings.setValue(QStringLiteral("address"), all_[i].title());
    settings.setValue(QStringLiteral("certificate"), all_[i].rootCertificate);
    settings.setValue(QStringLiteral("login"), all_[i].login);
  }
  settings.endArray();
}

void Servers::remember(const Server& server) {
  forget(server);
  all_.prepend(server);
  while (all_.size() > kMost) all_.removeLast();
}

void Servers::forget(const Server& server) {
  all_.removeIf([&](const Server& each) { return each.sameAs(server); });
}

}  // namespace dvpe::studio
