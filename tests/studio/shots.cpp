// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// studio_shots FOLDER: a picture of every page in each theme. Run by studio_town.py.
#include <QDir>
#include <QPlainTextEdit>
#include <QTableView>
#include <QTreeWidget>

#include "tests/studio/desk.h"

namespace {

using namespace dvpe::studio;

bool settle(const std::function<bool()>& done) { return QTest::qWaitFor(done, 20000); }

}  // namespace

int main(int argc, char** argv) {
  QApplication application(argc, argv);
  QTemporaryDir apart;
  test::stayApart(apart);
  const QDir folder(argc > 1 ? QString::fromLocal8Bit(argv[1]) : QStringLiteral("."));
  QDir().mkpath(folder.path());
  test::People people;
  const auto window = test::window();
  bool good = true;
  const auto shoot = [&](const QString& name) {
    for (const Theme theme : {Theme::kLight, Theme::kDark, Theme::kHighContrast}) {
      window->setTheme(theme);
      QTest::qWait(50);
      good = window->grab().save(folder.filePath(name + QLatin1Char('-') + nameOf(theme) + QStringLiteral(".png"))) &&
             good;
    }
  };
  shoot(QStringLiteral("sign-in"));
  const Credentials who = people.credentials(QStringLiteral("cleo"));
  window->session().signIn(who);
  good = settle([&] { return window->findChild<QTableView*>(QStringLiteral("rulesTable")) != nullptr; }) && good;
  auto* table = test::child<QTableView>(*window, "rulesTable");
  good = settle([&] { return table->model()->rowCount() > 3; }) && good;
  for (int row = 0; row < table->model()->rowCount(); ++row) {
    if (table->model()->index(row, 1).data().toString() == QLatin1String("grown-up")) table->selectRow(row);
  }
  shoot(QStringLiteral("rules"));
  test::child<QPlainTextEdit>(*window, "conditionText")
      ->setPlainText(QStringLiteral("viewer.age >= 18 && (viewer.country == \"DE\" ||"));
  QTest::qWait(300);
  shoot(QStringLiteral("rules-mistake"));
  test::child<QPlainTextEdit>(*window, "conditionText")
      ->setPlainText(QStringLiteral("viewer.age >= 18 && viewer.country == \"DE\""));
  QTest::qWait(300);
  test::child<QAction>(*window, "saveDraft")->trigger();
  good = settle([&] { return test::child<QAction>(*window, "submitDraft")->isEnabled(); }) && good;
  test::child<QAction>(*window, "submitDraft")->trigger();
  good = window->open(QStringLiteral("publish")) && good;
  auto* drafts = test::child<QTableView>(*window, "draftsTable");
  good = settle([&] { return drafts->model()->rowCount() > 0; }) && good;
  good = settle([&] { return test::child<QTreeWidget>(*window, "differences")->topLevelItemCount() > 0; }) && good;
  shoot(QStringLiteral("publish"));
  return good ? 0 : 1;
}
