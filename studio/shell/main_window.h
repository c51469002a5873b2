// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The window: sign-in, the bar of pages that a person's roles have, how the connection is, undo, the command palette,
// themes, and a lock when nobody is there. It names no feature. GUI thread.
#pragma once

#include <QElapsedTimer>
#include <QMainWindow>
#include <QTimer>
#include <memory>
#include <vector>

#include "studio/shell/feature.h"
#include "studio/shell/settings.h"

class QButtonGroup;
class QLabel;
class QStackedWidget;
class QToolButton;
class QVBoxLayout;

namespace dvpe::studio {

class SignInPage;

class MainWindow : public QMainWindow {
  Q_OBJECT
 public:
  explicit MainWindow(std::vector<std::unique_ptr<Feature>> features);
  ~MainWindow() override;

  Session& session() { return session_; }
  SignInPage& signInPage() { return *signIn_; }
  // The page of this feature, if the person has it. False: they have not.
  bool open(const QString& feature);
  QString shown() const;
  void setTheme(Theme theme);
  // Shows the sign-in page; pages stay as they are for the same person.
  void lock();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;
  void closeEvent(QCloseEvent* event) override;

 private:
  void makeMenus();
  QAction* action(QMenu* menu, const QString& name, const QString& title, const QKeySequence& keys,
                  std::function<void()> run);
  void sessionChanged();
  void enter();
  void leave();
  void showBadge();
  void badgePressed();
  void say(const QString& text);
  void setTextPercent(int percent);
  void openPalette();
  QList<Found> find(const QString& letters);
  void help();

  Settings settings_;
  Session session_;
  const std::vector<std::unique_ptr<Feature>> features_;
  QUndoGroup undo_;
  std::unique_ptr<Drafts> drafts_;
  std::unique_ptr<Desk> desk_;
  QString whose_;  // pages are: server and login
  QStackedWidget *stack_, *pages_;
  SignInPage* signIn_;
  QWidget *work_, *bar_;
  QVBoxLayout* barLayout_;
  QButtonGroup* modes_;
  QLabel* says_;
  QToolButton* badge_;
  QList<Feature*> shown_;  // by page
  QElapsedTimer idle_;
  QTimer idleTimer_;
};

}  // namespace dvpe::studio
