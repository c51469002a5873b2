// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What waits to go on air, and what is there. GUI thread; everything that takes time is done on the session's.
#pragma once

#include <QDateTime>
#include <QObject>
#include <vector>

#include "studio/features/publish/difference.h"
#include "studio/shell/feature.h"

namespace dvpe::studio {

struct WaitingDraft {
  QString id, kind, document, author, state;  // "draft", "review", "approved", "stored"
  int base = 0, version = 0;
  bool mine = false;
  QString savedAt;
  bool operator==(const WaitingDraft&) const = default;
};

struct PublishedRelease {
  qint64 sequence = 0;
  QString at;
  bool inForce = false;                  // its moment has been named
  int nodes = 0, have = 0, refused = 0;  // that have spoken of it; in force there; that will not take it
  QString reason;                        // of a refusal
  bool operator==(const PublishedRelease&) const = default;
};

// What is known of one draft.
struct Looked {
  QString draft;  // id
  std::vector<Difference> differences;
  QStringList mistakes;  // with everything else that is published; empty: it can be
};

class Board : public QObject {
  Q_OBJECT
 public:
  Board(Desk& desk, QObject* parent = nullptr);

  const std::vector<WaitingDraft>& drafts() const { return drafts_; }
  const std::vector<PublishedRelease>& releases() const { return releases_; }

  // Reads again; changed() follows when something has.
  void refresh();
  // looked() follows.
  void look(const WaitingDraft& draft);
  // Agrees to it as it is, or sends it back.
  void review(const WaitingDraft& draft, bool approve, const QString& remark);
  // Signs what was approved, with the key in this file, and stores it.
  void publish(const WaitingDraft& draft, const QString& keyFile, const QString& passphrase);

 signals:
  void changed();
  void looked(const Looked& looked);
  // In plain words.
  void done(const QString& what);
  void failed(const QString& why);

 private:
  void change(const QString& said, std::function<base::Result<bool>(database::Connection&)> work);

  Desk& desk_;
  std::vector<WaitingDraft> drafts_;
  std::vector<PublishedRelease> releases_;
  bool reading_ = false;
};

}  // namespace dvpe::studio
