// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The rulesets of a person's organisation: as they are signed, or as this person's drafts have them. GUI thread; the
// database is asked on the session's.
#pragma once

#include <QObject>
#include <memory>
#include <vector>

#include "studio/shell/feature.h"

namespace dvpe::studio {

class Rulesets : public QObject {
  Q_OBJECT
 public:
  Rulesets(Desk& desk, QObject* parent = nullptr);

  // Reads them; loaded() or failed() follows. What has unsaved changes stays as it is.
  void load();
  const std::vector<std::unique_ptr<Document>>& all() const { return all_; }
  // As a draft in the database: saved() or failed() follows.
  void save(Document& document);
  void submit(Document& document);

 signals:
  void loaded();
  void saved(Document* document);
  void submitted(Document* document);
  // In plain words; the text stays in the window and on disk.
  void failed(const QString& why);

 private:
  struct Row {
    std::string contents;
    int base = 0, version = 0;
    bool drafted = false;
  };
  void take(std::vector<Row> rows);

  Desk& desk_;
  std::vector<std::unique_ptr<Document>> all_;
};

}  // namespace dvpe::studio
