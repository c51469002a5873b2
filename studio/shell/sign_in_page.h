// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Where, who, password, one-time code. Nothing of it but where and who is remembered. GUI thread.
#pragma once

#include <QWidget>

#include "studio/session/session.h"
#include "studio/widgets/theme.h"

class QComboBox;
class QLineEdit;
class QPushButton;

namespace dvpe::studio {

class SignInPage : public QWidget {
  Q_OBJECT
 public:
  explicit SignInPage(Session& session, QWidget* parent = nullptr);
  // The field that comes first; what was typed of secrets is gone.
  void begin();
  // Of who has locked the window: the same server and login.
  void expect(const Server& server, const QString& login);
  void fill(const Credentials& credentials);

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void submit();
  void stateChanged();
  void say(const QString& text, bool bad);
  void chooseServer(int index);

  Session& session_;
  Servers servers_;
  QComboBox* server_;
  QLineEdit *certificate_, *login_, *password_, *code_;
  QPushButton *browse_, *enter_;
  ToneLabel* says_;
};

}  // namespace dvpe::studio
