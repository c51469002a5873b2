// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// studio_shots FOLDER: a picture of every page in each theme. Run by studio_town.py.
#include <QDir>
#include <QPlainTextEdit>
#include <QTableView>

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
  return good ? 0 : 1;
}
