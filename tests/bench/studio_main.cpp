// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// bench_studio: a creator's window on a database with 10,000 rules, offscreen: signs in, looks through the list, types
// into filter and condition. Writes one line of JSON. studio.py runs it. CPU is that of the GUI thread for one
// dispatched event, wall the same by the clock; what an event dispatches in turn counts with it.
#include <QApplication>
#include <QElapsedTimer>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QTableView>
#include <ctime>
#include <iostream>

#include "tests/studio/desk.h"

namespace {

using namespace dvpe::studio;

double threadCpuMs() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) * 1e-6;
}

class Application final : public QApplication {
 public:
  using QApplication::QApplication;
  bool notify(QObject* receiver, QEvent* event) override {
    if (depth_ > 0) return QApplication::notify(receiver, event);
    ++depth_;
    QElapsedTimer wall;
    wall.start();
    const double before = threadCpuMs();
    const bool out = QApplication::notify(receiver, event);
    const double cpu = threadCpuMs() - before;
    if (cpu > longestCpu) {
      longestCpu = cpu;
      longest = QLatin1String(receiver->metaObject()->className()) +
                QStringLiteral(" event %1 while ").arg(event->type()) + doing;
    }
    longestWall = std::max(longestWall, static_cast<double>(wall.nsecsElapsed()) * 1e-6);
    --depth_;
    return out;
  }
  double longestCpu = 0, longestWall = 0;
  QString longest, doing;

 private:
  int depth_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  QElapsedTimer since;
  since.start();
  Application application(argc, argv);
  QTemporaryDir apart;
  test::stayApart(apart);
  test::People people;
  application.doing = QStringLiteral("the window opens");
  const auto window = test::window();
  window->grab();
  const double signInPage = static_cast<double>(since.nsecsElapsed()) * 1e-6;

  const auto until = [](const std::function<bool()>& done) {
    QElapsedTimer patience;
    patience.start();
    while (!done() && patience.elapsed() < 60'000) QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents, 20);
    return done();
  };
  application.doing = QStringLiteral("signing in");
  window->session().signIn(people.credentials(QStringLiteral("cleo")));
  bool good = until([&] { return window->findChild<QTableView*>(QStringLiteral("rulesTable")) != nullptr; });
  QElapsedTimer list;
  list.start();
  application.doing = QStringLiteral("the list comes");
  auto* table = test::child<QTableView>(*window, "rulesTable");
  good = until([&] { return table->model()->rowCount() >= 10'000; }) && good;
  window->grab();
  const double listed = static_cast<double>(list.nsecsElapsed()) * 1e-6;
  const int rules = table->model()->rowCount();

  application.doing = QStringLiteral("what is to be looked at is worked out");
  QElapsedTimer inspected;
  inspected.start();
  QTest::qWait(3000);
  application.doing = QStringLiteral("going through the list");
  for (int row = 0; row < rules; row += 97) {
    table->selectRow(row);
    QCoreApplication::processEvents();
  }
  application.doing = QStringLiteral("typing into the filter");
  auto* words = test::child<QLineEdit>(*window, "rulesWords");
  double typed = 0;
  for (const char letter : std::string("rule-4711")) {
    QElapsedTimer key;
    key.start();
    QTest::keyClick(words, letter);
    QCoreApplication::processEvents();
    typed = std::max(typed, static_cast<double>(key.nsecsElapsed()) * 1e-6);
  }
  good = table->model()->rowCount() == 1 && good;
  words->clear();
  application.doing = QStringLiteral("typing into the condition");
  table->selectRow(5000);
  auto* text = test::child<QPlainTextEdit>(*window, "conditionText");
  text->moveCursor(QTextCursor::End);
  QTest::keyClicks(text, QStringLiteral(" && viewer.age < 99"));
  QTest::qWait(1000);
  application.doing = QStringLiteral("undo");
  test::child<QAction>(*window, "undo")->trigger();
  QTest::qWait(500);

  std::cout << "{\"signin_ms\":" << signInPage << ",\"list_ms\":" << listed << ",\"typeahead_ms\":" << typed
            << ",\"longest_stall_cpu_ms\":" << application.longestCpu
            << ",\"longest_stall_ms\":" << application.longestWall << ",\"rules\":" << rules << ",\"longest\":\""
            << application.longest.toStdString() << "\",\"good\":" << (good ? "true" : "false") << "}" << std::endl;
  return good ? 0 : 1;
}
