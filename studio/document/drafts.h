// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What is written and not yet in the database, on this person's disk (0600), so that a crash costs nothing. A document
// is kept two seconds after its last change, and forgotten when it is saved or as it was. GUI thread.
#pragma once

#include <QDir>
#include <QHash>
#include <QTimer>

#include "studio/document/document.h"

namespace dvpe::studio {

class Drafts : public QObject {
  Q_OBJECT
 public:
  // server, person: whose drafts: others' stay apart.
  Drafts(const QString& server, const QString& person, QObject* parent = nullptr);
  ~Drafts() override;  // keeps what waits

  // Watches the document until it is destroyed. True: something was kept of it from before, and is in it now.
  bool watch(Document& document);
  // Now, not in two seconds.
  void keepAll();
  QDir folder() const { return folder_; }

 signals:
  // In plain words: it could not be written.
  void failed(const QString& why);

 private:
  QString pathOf(const Document& document) const;
  void keep(Document& document);

  QDir folder_;
  QHash<Document*, QTimer*> watched_;
};

}  // namespace dvpe::studio
