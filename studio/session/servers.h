// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The databases that somebody has signed in to, the newest first: never passwords. GUI thread.
#pragma once

#include <QList>
#include <QString>

namespace dvpe::studio {

struct Server {
  QString host = QStringLiteral("127.0.0.1");
  int port = 5432;
  QString database = QStringLiteral("dvpe");
  QString rootCertificate;  // PEM file of who signs the server's certificate
  QString login;            // who signed in last
  bool sameAs(const Server& other) const {
    return host == other.host && port == other.port && database == other.database;
  }
  // "db.example.org:5432/dvpe"
  QString title() const;
};

// "host", "host:5432" or "host:5432/database". False: it is none of these; `out` is unchanged then.
bool readServer(const QString& text, Server& out);

class Servers {
 public:
  static constexpr int kMost = 20;

  // From the settings of this person on this machine.
  static Servers load();
  void save() const;

  const QList<Server>& all() const { return all_; }
  // To the front; the one with the same address goes.
  void remember(const Server& server);
  void forget(const Server& server);

 private:
  QList<Server> all_;
};

}  // namespace dvpe::studio
