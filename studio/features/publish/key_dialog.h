// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Says what is about to be signed, and asks for the key. The file's name is remembered, the passphrase is not. GUI
// thread.
#pragma once

#include <QDialog>

class QLineEdit;
class QPushButton;

namespace dvpe::studio {

class KeyDialog : public QDialog {
  Q_OBJECT
 public:
  // what: a plain sentence.
  KeyDialog(const QString& what, QWidget* parent);

 signals:
  void given(const QString& file, const QString& passphrase);

 private:
  void submit();

  QLineEdit *file_, *passphrase_;
  QPushButton* sign_;
};

}  // namespace dvpe::studio
