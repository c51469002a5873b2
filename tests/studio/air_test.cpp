// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The studio's part of air_test.py: a rule is written in the tree, reviewed by somebody else, and published.
// DVPE_STUDIO_KEY and _PASSPHRASE: the author's signing key.
#include <QDialog>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTableView>
#include <QTreeView>

#include "studio/features/publish/publish_model.h"
#include "studio/features/rules/rules_model.h"
#include "tests/studio/desk.h"

namespace dvpe::studio {

class Air : public QObject {
  Q_OBJECT

  QTemporaryDir folder_;
  test::People people_;
  static constexpr int kPatience = 30'000;

  static bool select(QTableView& table, int column, const QString& what) {
    for (int row = 0; row < table.model()->rowCount(); ++row) {
      if (table.model()->index(row, column).data().toString() != what) continue;
      table.selectRow(row);
      return true;
    }
    return false;
  }

 private slots:
  void initTestCase() { test::stayApart(folder_); }

  void aRuleWrittenInTheTreeIsPublished() {
    const auto author = test::window();
    author->session().signIn(people_.credentials(QStringLiteral("cleo")));
    QTRY_COMPARE_WITH_TIMEOUT(author->shown(), QStringLiteral("rules"), kPatience);
    auto* rules = test::child<QTableView>(*author, "rulesTable");
    QTRY_VERIFY_WITH_TIMEOUT(select(*rules, RulesModel::kRule, QStringLiteral("flag")), kPatience);
    auto* tree = test::child<QTreeView>(*author, "conditionTree");
    tree->setCurrentIndex(tree->model()->index(0, 0));
    tree->edit(tree->currentIndex());
    auto* part = test::child<QLineEdit>(*tree, "part");
    QTest::keyClicks(part, QStringLiteral("viewer.country == \"DE\""));
    QTest::keyClick(part, Qt::Key_Return);
    QTRY_COMPARE(test::child<QPlainTextEdit>(*author, "conditionText")->toPlainText(),
                 QStringLiteral("viewer.country == \"DE\""));
    auto* save = test::child<QAction>(*author, "saveDraft");
    QTRY_VERIFY(save->isEnabled());
    save->trigger();
    auto* submit = test::child<QAction>(*author, "submitDraft");
    QTRY_VERIFY_WITH_TIMEOUT(submit->isEnabled(), kPatience);
    submit->trigger();

    const auto reviewer = test::window();
    reviewer->session().signIn(people_.credentials(QStringLiteral("dina")));
    QTRY_COMPARE_WITH_TIMEOUT(reviewer->shown(), QStringLiteral("rules"), kPatience);
    QVERIFY(reviewer->open(QStringLiteral("publish")));
    auto* drafts = test::child<QTableView>(*reviewer, "draftsTable");
    QTRY_VERIFY_WITH_TIMEOUT(select(*drafts, DraftsModel::kState, QStringLiteral("in review")), kPatience);
    auto* approve = test::child<QPushButton>(*reviewer, "approve");
    QTRY_VERIFY2_WITH_TIMEOUT(approve->isEnabled(), qPrintable(test::child<QLabel>(*reviewer, "draftCheck")->text()),
                              kPatience);
    QTest::mouseClick(approve, Qt::LeftButton);

    QVERIFY(author->open(QStringLiteral("publish")));
    auto* mine = test::child<QTableView>(*author, "draftsTable");
    auto* publish = test::child<QPushButton>(*author, "publish");
    QTRY_VERIFY_WITH_TIMEOUT(select(*mine, DraftsModel::kState, QStringLiteral("approved, to be published")),
                             kPatience);
    QTRY_VERIFY_WITH_TIMEOUT(publish->isEnabled(), kPatience);
    QTest::mouseClick(publish, Qt::LeftButton);
    auto* dialog = test::child<QDialog>(*author, "keyDialog");
    test::child<QLineEdit>(*dialog, "keyFile")->setText(qEnvironmentVariable("DVPE_STUDIO_KEY"));
    test::child<QLineEdit>(*dialog, "keyPassphrase")->setText(qEnvironmentVariable("DVPE_STUDIO_PASSPHRASE"));
    QTest::mouseClick(test::child<QPushButton>(*dialog, "sign"), Qt::LeftButton);
    auto* says = test::child<QLabel>(*author, "says");
    QTRY_VERIFY2_WITH_TIMEOUT(says->text().contains(QStringLiteral("is signed")), qPrintable(says->text()), kPatience);
    // The page sees it come to the node.
    auto* releases = test::child<QTableView>(*author, "releasesTable");
    const auto newest = [&] { return releases->model()->index(0, ReleasesModel::kState).data().toString(); };
    const int before = releases->model()->index(0, ReleasesModel::kSequence).data().toInt();
    QTRY_VERIFY2_WITH_TIMEOUT(releases->model()->index(0, ReleasesModel::kSequence).data().toInt() >= before &&
                                  newest() == QStringLiteral("in force on 1 of 1 nodes"),
                              qPrintable(newest()), kPatience);
  }
};

}  // namespace dvpe::studio

QTEST_MAIN(dvpe::studio::Air)
#include "air_test.moc"
