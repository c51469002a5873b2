// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The studio as a person meets it: signs in to a real database, writes a rule, loses the connection, locks, comes back.
#include <QAccessible>
#include <QComboBox>
#include <QHeaderView>
#include <QInputDialog>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>
#include <QToolButton>
#include <QTreeView>
#include <QTreeWidget>

#include "shared/release/signing.h"
#include "studio/features/publish/publish_page.h"
#include "studio/features/rules/rules_page.h"
#include "tests/studio/desk.h"

namespace dvpe::studio {

class Shell : public QObject {
  Q_OBJECT

  // As a person does it, by the keyboard.
  void signIn(MainWindow& window, const QString& who) {
    SignInPage& page = window.signInPage();
    const Credentials of = people_.credentials(who);
    page.fill(of);
    auto* code = test::child<QLineEdit>(page, "code");
    code->setFocus();
    QTest::keyClick(code, Qt::Key_Return);
    QTRY_COMPARE_WITH_TIMEOUT(window.session().state(), Session::State::kOnline, 20000);
  }
  static void waitForRules(MainWindow& window, int rows = 1) {
    QTRY_VERIFY_WITH_TIMEOUT(test::child<QTableView>(window, "rulesTable")->model()->rowCount() >= rows, 20000);
  }
  static QString said(MainWindow& window) { return test::child<QLabel>(window, "says")->text(); }
  static RulesPage& rules(MainWindow& window) { return *test::child<RulesPage>(window, "rulesPage"); }
  static QString cell(MainWindow& window, const QString& rule, int column) {
    const QAbstractItemModel* model = test::child<QTableView>(window, "rulesTable")->model();
    for (int row = 0; row < model->rowCount(); ++row) {
      if (model->index(row, RulesModel::kRule).data().toString() == rule)
        return model->index(row, column).data().toString();
    }
    return QStringLiteral("there is no such rule");
  }
  static void choose(MainWindow& window, const QString& rule) {
    auto* table = test::child<QTableView>(window, "rulesTable");
    for (int row = 0; row < table->model()->rowCount(); ++row) {
      const QModelIndex index = table->model()->index(row, RulesModel::kRule);
      if (index.data().toString() == rule) table->setCurrentIndex(index);
    }
  }
  template <class T>
  T asked(Session& session, const char* sql) {
    std::optional<T> out;
    session.ask<T>(
        this,
        [sql](database::Connection& connection) -> base::Result<T> {
          DVPE_TRY(const auto rows, connection.query(sql));
          return rows.empty() ? T() : T(QString::fromStdString(std::string(rows.text(0, 0))));
        },
        [&](base::Result<T> result) {
          out = result ? result.value() : T(QStringLiteral("error: ") + QString::fromStdString(result.error().message));
        });
    [&] { QTRY_VERIFY_WITH_TIMEOUT(out.has_value(), 20000); }();
    return out.value_or(T());
  }

  QTemporaryDir folder_;
  test::People people_;

 private slots:
  void initTestCase() { test::stayApart(folder_); }
  // What the offscreen platform says of itself is not about us.
  void init() { QTest::failOnWarning(QRegularExpression(QStringLiteral("^(?!This plugin does not support)"))); }
  void cleanup() { QDir(QStandardPaths::writableLocation(QStandardPaths::AppDataLocation)).removeRecursively(); }

  void whoTypesSomethingWrongIsToldWhatInPlainWords() {
    const auto window = test::window();
    SignInPage& page = window->signInPage();
    auto* says = test::child<QLabel>(page, "signInSays");
    auto* enter = test::child<QPushButton>(page, "signIn");
    Credentials of = people_.credentials(QStringLiteral("cleo"));
    page.fill(of);
    test::child<QComboBox>(page, "server")->setCurrentText(QStringLiteral("not a server"));
    QTest::mouseClick(enter, Qt::LeftButton);
    QVERIFY(says->text().contains(QStringLiteral("host:port")));
    page.fill(of);
    test::child<QLineEdit>(page, "password")->clear();
    QTest::mouseClick(enter, Qt::LeftButton);
    QVERIFY(says->text().contains(QStringLiteral("password")));
    of.code = QStringLiteral("000000");
    page.fill(of);
    QTest::mouseClick(enter, Qt::LeftButton);
    QVERIFY(!enter->isEnabled());
    QTRY_VERIFY_WITH_TIMEOUT(says->text().contains(QStringLiteral("one-time code is wrong")), 20000);
    QVERIFY(enter->isEnabled());
    of.password = QStringLiteral("wrong");
    page.fill(of);
    QTest::mouseClick(enter, Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(enter->isEnabled() && !says->text().contains(QStringLiteral("Signing")), 20000);
    QVERIFY2(!says->text().contains(QStringLiteral("wrong one")), qPrintable(says->text()));
    of.server.port = 1;
    page.fill(of);
    QTest::mouseClick(enter, Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(says->text().contains(QStringLiteral("cannot be reached")), 20000);
    QCOMPARE(window->session().state(), Session::State::kSignedOut);
  }

  void aCreatorSeesTheRulesAndAnAdvertiserDoesNot() {
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    QCOMPARE(window->shown(), QStringLiteral("rules"));
    QVERIFY(said(*window).contains(QStringLiteral("Cleo")));
    QTRY_VERIFY(cell(*window, QStringLiteral("grown-up-again"), RulesModel::kBadges)
                    .contains(QStringLiteral("same as grown-up")));
    QTRY_VERIFY(
        cell(*window, QStringLiteral("not-yet"), RulesModel::kBadges).contains(QStringLiteral("gives nothing")));
    QCOMPARE(cell(*window, QStringLiteral("grown-up"), RulesModel::kVerdict), QStringLiteral("yes"));
    const auto other = test::window();
    signIn(*other, QStringLiteral("adam"));
    QVERIFY(!other->open(QStringLiteral("rules")));
    QCOMPARE(other->shown(), QStringLiteral("publish"));
  }

  void passwordsAreGoneFromTheWindowAndNeverInTheSettings() {
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    QVERIFY(test::child<QLineEdit>(*window, "password")->text().isEmpty());
    QVERIFY(test::child<QLineEdit>(*window, "code")->text().isEmpty());
    QSettings settings;
    for (const QString& key : settings.allKeys()) {
      QVERIFY(!settings.value(key).toString().contains(people_.credentials(QStringLiteral("cleo")).password));
    }
    QCOMPARE(Servers::load().all().size(), 1);
  }

  // With the keyboard alone.
  void aRuleIsWrittenInTheTreeSavedAsADraftAndUndone() {
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    auto* table = test::child<QTableView>(*window, "rulesTable");
    choose(*window, QStringLiteral("not-yet"));
    table->setFocus();
    QTest::keyClick(table, Qt::Key_N, Qt::ControlModifier | Qt::ShiftModifier);
    auto* name = test::child<QLineEdit>(*window, "ruleName");
    QCOMPARE(name->text(), QStringLiteral("new-rule"));
    QTest::keyClicks(name, QStringLiteral("young-in-japan"));
    auto* tree = test::child<QTreeView>(*window, "conditionTree");
    auto* text = test::child<QPlainTextEdit>(*window, "conditionText");
    tree->setFocus();
    tree->setCurrentIndex(tree->model()->index(0, 0));
    const auto type = [&](const QString& part) {
      tree->edit(tree->currentIndex());
      auto* line = test::child<QLineEdit>(*tree, "part");
      QTest::keyClicks(line, part);
      QTest::keyClick(line, Qt::Key_Return);
      QTRY_VERIFY(tree->findChild<QLineEdit*>(QStringLiteral("part")) == nullptr);
      QApplication::setActiveWindow(window.get());  // offscreen the list of proposals takes that away
      tree->setFocus();
    };
    type(QStringLiteral("viewer.age < 30"));
    QTRY_COMPARE(text->toPlainText(), QStringLiteral("viewer.age < 30"));
    QTest::keyClick(tree, Qt::Key_Return, Qt::ControlModifier);
    QTRY_COMPARE(tree->model()->rowCount(tree->model()->index(0, 0)), 2);
    tree->setCurrentIndex(tree->model()->index(1, 0, tree->model()->index(0, 0)));
    type(QStringLiteral("viewer.country == \"JP\""));
    QTRY_COMPARE(text->toPlainText(), QStringLiteral("viewer.age < 30 && viewer.country == \"JP\""));
    QCOMPARE(cell(*window, QStringLiteral("young-in-japan"), RulesModel::kWhen), text->toPlainText());
    QCOMPARE(test::child<QLabel>(*window, "ruleState")->text(), QStringLiteral("changed, not saved as a draft"));

    table->setFocus();
    QTest::keyClick(table, Qt::Key_S, Qt::ControlModifier);
    QTRY_VERIFY_WITH_TIMEOUT(said(*window).contains(QStringLiteral("is saved")), 20000);
    const QString kept = asked<QString>(
        window->session(), "SELECT contents FROM dvpe.draft WHERE document = 'late' AND author = session.me()");
    QVERIFY2(kept.contains(QStringLiteral("young-in-japan")) && kept.contains(QStringLiteral("\"revision\":2")),
             qPrintable(kept));
    QCOMPARE(test::child<QLabel>(*window, "ruleState")->text(), QStringLiteral("draft"));

    auto* undo = test::child<QAction>(*window, "undo");
    for (int i = 0; i < 20 && undo->isEnabled(); ++i) undo->trigger();
    QCOMPARE(cell(*window, QStringLiteral("young-in-japan"), RulesModel::kWhen),
             QStringLiteral("there is no such rule"));
    auto* redo = test::child<QAction>(*window, "redo");
    while (redo->isEnabled()) redo->trigger();
    QVERIFY(cell(*window, QStringLiteral("young-in-japan"), RulesModel::kWhen).contains(QStringLiteral("JP")));
    test::child<QAction>(*window, "submitDraft")->trigger();
    QTRY_VERIFY_WITH_TIMEOUT(said(*window).contains(QStringLiteral("review")), 20000);
  }

  void aRuleGoesFromOnePersonsDraftThroughAnothersReviewToASignedRevision() {
    const auto author = test::window(), reviewer = test::window();
    signIn(*author, QStringLiteral("cleo"));
    waitForRules(*author, 6);
    choose(*author, QStringLiteral("grown-up"));
    auto* edit = test::child<QPlainTextEdit>(*author, "conditionText");
    edit->selectAll();
    edit->insertPlainText(QStringLiteral("viewer.age >= 18 && viewer.shoes == 1"));
    const auto save = [&] {
      QTRY_VERIFY_WITH_TIMEOUT(test::child<QAction>(*author, "saveDraft")->isEnabled(), 20000);
      test::child<QAction>(*author, "saveDraft")->trigger();
      QTRY_VERIFY_WITH_TIMEOUT(test::child<QAction>(*author, "submitDraft")->isEnabled(), 20000);
      test::child<QAction>(*author, "submitDraft")->trigger();
      QTRY_VERIFY_WITH_TIMEOUT(said(*author).contains(QStringLiteral("review")), 20000);
    };
    save();

    // Whoever reviews is told what cannot be, and may not approve it.
    signIn(*reviewer, QStringLiteral("dina"));
    QVERIFY(reviewer->open(QStringLiteral("publish")));
    auto* drafts = test::child<QTableView>(*reviewer, "draftsTable");
    auto* check = test::child<QLabel>(*reviewer, "draftCheck");
    auto* approve = test::child<QPushButton>(*reviewer, "approve");
    const auto row = [&](const QTableView& table) {
      for (int i = 0; i < table.model()->rowCount(); ++i) {
        if (table.model()->index(i, DraftsModel::kDocument).data().toString() == QLatin1String("late") &&
            table.model()->index(i, DraftsModel::kState).data().toString() != QLatin1String("being written"))
          return i;
      }
      return -1;
    };
    QTRY_VERIFY_WITH_TIMEOUT(row(*drafts) >= 0, 20000);
    drafts->selectRow(row(*drafts));
    QTRY_VERIFY_WITH_TIMEOUT(check->text().contains(QStringLiteral("viewer.shoes")), 20000);
    QVERIFY(!approve->isEnabled());
    auto* back = test::child<QPushButton>(*reviewer, "sendBack");
    QTest::mouseClick(back, Qt::LeftButton);
    auto* remark = test::child<QInputDialog>(*reviewer, "remark");
    remark->setTextValue(QStringLiteral("nobody has shoes"));
    remark->accept();
    QTRY_VERIFY_WITH_TIMEOUT(said(*reviewer).contains(QStringLiteral("goes back")), 20000);

    edit->selectAll();
    edit->insertPlainText(QStringLiteral("viewer.age >= 19"));
    save();
    QTRY_VERIFY_WITH_TIMEOUT(row(*drafts) >= 0, 20000);
    drafts->selectRow(row(*drafts));
    QTRY_VERIFY_WITH_TIMEOUT(approve->isEnabled(), 20000);
    auto* differences = test::child<QTreeWidget>(*reviewer, "differences");
    QStringList where;
    for (int i = 0; i < differences->topLevelItemCount(); ++i) where << differences->topLevelItem(i)->text(1);
    QVERIFY2(where.contains(QStringLiteral("rules › grown-up › when")), qPrintable(where.join(QLatin1Char('\n'))));
    QTest::mouseClick(approve, Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(said(*reviewer).contains(QStringLiteral("is approved")), 20000);

    // The author signs.
    const release::PrivateKey key = release::PrivateKey::generate();
    const QString file = folder_.filePath(QStringLiteral("cleo.pem"));
    QFile pem(file);
    QVERIFY(pem.open(QIODevice::WriteOnly));
    pem.write(QByteArray::fromStdString(key.seal("open sesame").value()));
    pem.close();
    QVERIFY(author->open(QStringLiteral("publish")));
    auto* mine = test::child<QTableView>(*author, "draftsTable");
    auto* publish = test::child<QPushButton>(*author, "publish");
    QTRY_VERIFY_WITH_TIMEOUT(row(*mine) >= 0 && mine->model()
                                                    ->index(row(*mine), DraftsModel::kState)
                                                    .data()
                                                    .toString()
                                                    .startsWith(QStringLiteral("approved")),
                             20000);
    mine->selectRow(row(*mine));
    QTRY_VERIFY_WITH_TIMEOUT(publish->isEnabled(), 20000);
    const auto sign = [&](const QString& passphrase) {
      QTest::mouseClick(publish, Qt::LeftButton);
      auto* dialog = test::child<QDialog>(*author, "keyDialog");
      test::child<QLineEdit>(*dialog, "keyFile")->setText(file);
      QTest::keyClicks(test::child<QLineEdit>(*dialog, "keyPassphrase"), passphrase);
      QTest::mouseClick(test::child<QPushButton>(*dialog, "sign"), Qt::LeftButton);
      QTRY_VERIFY(author->findChild<QDialog*>(QStringLiteral("keyDialog")) == nullptr);
    };
    sign(QStringLiteral("wrong"));
    QTRY_VERIFY_WITH_TIMEOUT(said(*author).contains(QStringLiteral("not done")), 20000);
    sign(QStringLiteral("open sesame"));
    QTRY_VERIFY2_WITH_TIMEOUT(said(*author).contains(QStringLiteral("is signed")), qPrintable(said(*author)), 20000);
    const QString stored =
        asked<QString>(author->session(),
                       "SELECT convert_from(contents, 'UTF8') || ' ' || key || ' ' || encode(signature, 'hex') "
                       "FROM dvpe.revision WHERE document = 'late' AND revision = 2");
    const QStringList parts = stored.split(QLatin1Char(' '));
    QVERIFY(stored.contains(QStringLiteral(">= 19")));
    const std::string contents = stored.left(stored.size() - 16 - 128 - 2).toStdString();
    const auto signature = release::parseSignature(parts.last().toStdString());
    QVERIFY(signature.has_value());
    QVERIFY(release::verify(key.publicKey(), release::Domain::kDocument, base::view(contents), signature.value()));
    // The list of rules has it as published.
    QVERIFY(author->open(QStringLiteral("rules")));
    author->findChild<RulesPage*>()->reload();
    QTRY_COMPARE_WITH_TIMEOUT(test::child<QLabel>(*author, "ruleState")->text(), QStringLiteral("as published"), 20000);
  }

  void whoSavesAfterSomebodyElseIsToldAndLosesNothing() {
    const auto first = test::window(), second = test::window();
    signIn(*first, QStringLiteral("dina"));
    waitForRules(*first, 6);
    signIn(*second, QStringLiteral("dina"));
    waitForRules(*second, 6);
    const auto write = [&](MainWindow& window, const QString& text) {
      choose(window, QStringLiteral("grown-up"));
      auto* edit = test::child<QPlainTextEdit>(window, "conditionText");
      edit->selectAll();
      edit->insertPlainText(text);
      QTRY_VERIFY(test::child<QAction>(window, "saveDraft")->isEnabled());
      test::child<QAction>(window, "saveDraft")->trigger();
    };
    write(*first, QStringLiteral("viewer.age >= 18"));
    QTRY_VERIFY_WITH_TIMEOUT(said(*first).contains(QStringLiteral("is saved")), 20000);
    write(*second, QStringLiteral("viewer.age >= 30"));
    QTRY_VERIFY_WITH_TIMEOUT(said(*second).contains(QStringLiteral("another one since")), 20000);
    QCOMPARE(test::child<QPlainTextEdit>(*second, "conditionText")->toPlainText(), QStringLiteral("viewer.age >= 30"));
    QVERIFY(asked<QString>(first->session(),
                           "SELECT contents FROM dvpe.draft WHERE document = 'late' AND author = session.me()")
                .contains(QStringLiteral(">= 18")));
  }

  void aLostConnectionLeavesTheWindowAliveAndComesBackWithACode() {
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    asked<QString>(window->session(), "SELECT pg_terminate_backend(pg_backend_pid())");
    QTRY_COMPARE_WITH_TIMEOUT(window->session().state(), Session::State::kOffline, 20000);
    auto* badge = test::child<QToolButton>(*window, "badge");
    QVERIFY(badge->text().contains(QStringLiteral("reconnect")));
    QVERIFY(said(*window).contains(QStringLiteral("kept here")));
    // Writing goes on.
    choose(*window, QStringLiteral("grown-up"));
    auto* edit = test::child<QPlainTextEdit>(*window, "conditionText");
    edit->selectAll();
    edit->insertPlainText(QStringLiteral("viewer.age >= 21"));
    QVERIFY(!test::child<QAction>(*window, "saveDraft")->isEnabled());
    QTest::mouseClick(badge, Qt::LeftButton);
    auto* dialog = test::child<QInputDialog>(*window, "reconnect");
    dialog->setTextValue(people_.credentials(QStringLiteral("cleo")).code);
    dialog->accept();
    QTRY_COMPARE_WITH_TIMEOUT(window->session().state(), Session::State::kOnline, 20000);
    QCOMPARE(edit->toPlainText(), QStringLiteral("viewer.age >= 21"));
    QTRY_VERIFY_WITH_TIMEOUT(test::child<QAction>(*window, "saveDraft")->isEnabled(), 20000);
  }

  void whoLocksFindsEverythingAsItWas() {
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    choose(*window, QStringLiteral("grown-up"));
    auto* edit = test::child<QPlainTextEdit>(*window, "conditionText");
    edit->selectAll();
    edit->insertPlainText(QStringLiteral("viewer.age >= 42"));
    test::child<QAction>(*window, "lock")->trigger();
    QVERIFY(window->signInPage().isVisible());
    QVERIFY(!edit->isVisible());
    signIn(*window, QStringLiteral("cleo"));
    QCOMPARE(edit->toPlainText(), QStringLiteral("viewer.age >= 42"));
    QVERIFY(edit->isVisible());
    // Another person finds nothing of it.
    test::child<QAction>(*window, "lock")->trigger();
    signIn(*window, QStringLiteral("dina"));
    waitForRules(*window, 6);
    QVERIFY(!cell(*window, QStringLiteral("grown-up"), RulesModel::kWhen).contains(QStringLiteral("42")));
  }

  void whatWasNotSavedIsThereAfterTheProgramDied() {
    {
      const auto window = test::window();
      signIn(*window, QStringLiteral("cleo"));
      waitForRules(*window, 6);
      choose(*window, QStringLiteral("not-yet"));
      auto* edit = test::child<QPlainTextEdit>(*window, "conditionText");
      edit->selectAll();
      edit->insertPlainText(QStringLiteral("viewer.age >= 77"));
      QTest::qWait(2500);  // what is written is kept after two seconds
    }
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    QCOMPARE(cell(*window, QStringLiteral("not-yet"), RulesModel::kWhen), QStringLiteral("viewer.age >= 77"));
    QVERIFY(said(*window).contains(QStringLiteral("as you left it")));
  }

  void everythingIsFoundByItsLetters() {
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    const auto run = [&](const QString& letters) {
      test::child<QAction>(*window, "find")->trigger();
      auto* line = test::child<QLineEdit>(*window, "paletteLetters");
      QTest::keyClicks(line, letters);
      QVERIFY2(test::child<QListWidget>(*window, "paletteList")->count() > 0, qPrintable(letters));
      QTest::keyClick(line, Qt::Key_Return);
      QTRY_VERIFY(window->findChild<QLineEdit*>(QStringLiteral("paletteLetters")) == nullptr);
    };
    run(QStringLiteral("dark"));
    QCOMPARE(themeInUse(), Theme::kDark);
    run(QStringLiteral("light"));
    QCOMPARE(themeInUse(), Theme::kLight);
    run(QStringLiteral("grown-up-again"));
    QCOMPARE(test::child<QLineEdit>(*window, "ruleName")->text(), QStringLiteral("grown-up-again"));
  }

  void everythingThatTakesTheFocusHasANameAndARole() {
    const auto window = test::window();
    QStringList wrong;
    const auto look = [&] {
      const auto widgets = window->findChildren<QWidget*>();
      for (QWidget* widget : widgets) {
        if (!widget->isVisible() || widget->focusPolicy() == Qt::NoFocus) continue;
        if (widget->objectName() == QLatin1String("qt_scrollarea_viewport") || qobject_cast<QHeaderView*>(widget))
          continue;
        const QAccessibleInterface* of = QAccessible::queryAccessibleInterface(widget);
        const bool named = of != nullptr && !of->text(QAccessible::Name).isEmpty() && of->role() != QAccessible::Client;
        if (!named) wrong << QLatin1String(widget->metaObject()->className()) + QLatin1Char(' ') + widget->objectName();
      }
    };
    look();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    look();
    QCOMPARE(wrong, QStringList());
  }

  void tabComesToEverythingAndBack() {
    const auto window = test::window();
    signIn(*window, QStringLiteral("cleo"));
    waitForRules(*window, 6);
    auto* begin = test::child<QLineEdit>(*window, "rulesWords");
    begin->setFocus();
    QStringList seen;
    for (int i = 0; i < 80; ++i) {
      QWidget* now = window->focusWidget();
      QVERIFY(now != nullptr);
      if (i > 0 && now == begin) break;
      seen << now->objectName();
      QTest::keyClick(now, Qt::Key_Tab);
    }
    qsizetype at = -1;
    for (const char* wanted : {"rulesWords", "rulesTrouble", "addRuleButton", "rulesTable", "ruleName", "addPartButton",
                               "conditionTree", "conditionText", "personaWho", "personaJson"}) {
      const qsizetype next = seen.indexOf(QLatin1String(wanted));
      QVERIFY2(next > at, qPrintable(QLatin1String(wanted) + QStringLiteral(" is not in its place: ") +
                                     seen.join(QLatin1Char(' '))));
      at = next;
    }
    QVERIFY(seen.contains(QStringLiteral("mode-rules")) || seen.contains(QStringLiteral("mode-publish")));
    QVERIFY(seen.contains(QStringLiteral("badge")));
    QCOMPARE(window->focusWidget(), begin);
  }
};

}  // namespace dvpe::studio

QTEST_MAIN(dvpe::studio::Shell)
#include "shell_test.moc"
