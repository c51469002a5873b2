// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Every action and every object by a few letters of its name (Ctrl+K). GUI thread.
#pragma once

#include <QDialog>

#include "studio/shell/feature.h"

class QLineEdit;
class QListWidget;

namespace dvpe::studio {

class CommandPalette : public QDialog {
  Q_OBJECT
 public:
  using Source = std::function<QList<Found>(const QString&)>;
  // source: what has these letters, the best first; empty letters: what there is.
  CommandPalette(Source source, QWidget* parent);

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void search();
  void run();

  Source source_;
  QList<Found> found_;
  QLineEdit* letters_;
  QListWidget* list_;
};

// Whether text has all these letters in this order; lower is better: fewer letters between them. -1: it has not.
int likeness(const QString& text, const QString& letters);

}  // namespace dvpe::studio
