// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Controls without a database: the condition in both its forms, documents with their undo, drafts on disk, colours.
#include <QAbstractItemModelTester>
#include <QLabel>
#include <QPlainTextEdit>
#include <QSignalSpy>
#include <QTreeView>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "shared/rules/attributes.h"
#include "studio/document/drafts.h"
#include "studio/features/publish/publish_model.h"
#include "studio/features/rules/inspection.h"
#include "studio/features/rules/rules_model.h"
#include "studio/session/servers.h"
#include "studio/shell/command_palette.h"
#include "studio/widgets/condition_editor.h"
#include "tests/studio/desk.h"

namespace dvpe::studio {

namespace json = boost::json;

class Widgets : public QObject {
  Q_OBJECT

  static json::object ruleset(const char* rules) {
    return json::
        parse(std::string(
                  R"({"kind":"ruleset","id":"r","organisation":"demo","revision":1,"extra":7,"body":{"channel":"c","fields":[],"rules":)") +
              rules + "}}")
            .get_object();
  }
  static rules::Node parsed(const char* text) { return rules::parse(text).root; }
  QTemporaryDir folder_;

 private slots:
  void initTestCase() { test::stayApart(folder_); }
  void init() { QTest::failOnWarning(QRegularExpression(QStringLiteral(".*"))); }

  // ---- colours

  void everyPaletteCanBeRead() {
    for (const Theme theme : {Theme::kLight, Theme::kDark, Theme::kHighContrast}) {
      useTheme(theme);
      const QPalette palette = paletteOf(theme);
      const auto ratio = [&](QPalette::ColorRole a, QPalette::ColorRole b) {
        return contrast(palette.color(a), palette.color(b));
      };
      for (const auto& [words, on] : {std::pair{QPalette::WindowText, QPalette::Window},
                                      {QPalette::Text, QPalette::Base},
                                      {QPalette::Text, QPalette::AlternateBase},
                                      {QPalette::ButtonText, QPalette::Button},
                                      {QPalette::HighlightedText, QPalette::Highlight},
                                      {QPalette::PlaceholderText, QPalette::Base},
                                      {QPalette::Link, QPalette::Base},
                                      {QPalette::ToolTipText, QPalette::ToolTipBase}}) {
        QVERIFY2(
            ratio(words, on) >= 4.5,
            qPrintable(QStringLiteral("%1: %2 on %3: %4").arg(nameOf(theme)).arg(words).arg(on).arg(ratio(words, on))));
      }
      QVERIFY(ratio(QPalette::Highlight, QPalette::Window) >= 3);
      QVERIFY(ratio(QPalette::Mid, QPalette::Window) >= 3);
      for (const Tone tone : {Tone::kGood, Tone::kBad, Tone::kWarning, Tone::kQuiet}) {
        QVERIFY2(contrast(colourOf(tone), palette.color(QPalette::Window)) >= 4.5, qPrintable(nameOf(theme)));
        QVERIFY2(contrast(colourOf(tone), palette.color(QPalette::Base)) >= 4.5, qPrintable(nameOf(theme)));
      }
    }
    useTheme(Theme::kLight);
  }

  void wordsFollowTheTheme() {
    ToneLabel label;
    useTheme(Theme::kDark);
    label.say(QStringLiteral("wrong"), Tone::kBad);
    for (const Theme theme : {Theme::kLight, Theme::kHighContrast, Theme::kDark, Theme::kLight}) {
      useTheme(theme);
      QCoreApplication::processEvents();
      QCOMPARE(label.palette().color(QPalette::WindowText), colourOf(Tone::kBad));
    }
  }

  // ---- servers

  void serversAreReadAsPeopleWriteThem() {
    Server server;
    QVERIFY(readServer(QStringLiteral(" db.example.org "), server));
    QCOMPARE(server.title(), QStringLiteral("db.example.org:5432/dvpe"));
    QVERIFY(readServer(QStringLiteral("10.0.0.7:6000/other"), server));
    QCOMPARE(server.port, 6000);
    for (const char* bad :
         {"", "a b", "host:", "host:70000", "host:1/", "host/da ta", "host:5432/dvpe?sslmode=disable", "a=b"}) {
      QVERIFY2(!readServer(QLatin1String(bad), server), bad);
    }
    QCOMPARE(server.port, 6000);
  }

  void serversAreRememberedWithoutSecrets() {
    Servers servers;
    for (int i = 0; i < 25; ++i) {
      Server each;
      QVERIFY(readServer(QStringLiteral("h%1").arg(i), each));
      each.login = QStringLiteral("p_1");
      servers.remember(each);
    }
    servers.save();
    const Servers back = Servers::load();
    QCOMPARE(back.all().size(), Servers::kMost);
    QCOMPARE(back.all().first().host, QStringLiteral("h24"));
    for (const QString& key : QSettings().allKeys()) QVERIFY(!key.contains(QLatin1String("assword")));
  }

  // ---- the tree

  void theTreeIsAModel() {
    ConditionModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    connect(&model, &ConditionModel::edited, &model, [&](const QString& text) {
      rules::Node fresh = parsed(text.toUtf8().constData());
      rules::keepIds(model.tree(), fresh);
      model.setTree(std::move(fresh));
    });
    model.setTree(parsed("a && (b || !c) && viewer.age >= 18"));
    const auto text = [&] { return QString::fromStdString(rules::print(model.tree())); };
    QCOMPARE(model.rowCount(model.index(0, 0)), 3);
    QCOMPARE(model.index(2, 0, model.index(0, 0)).data().toString(), QStringLiteral("viewer.age is at least 18"));
    QVERIFY(model.add(model.index(1, 0, model.index(0, 0))));
    QCOMPARE(text(), QStringLiteral("a && (b || !c || true) && viewer.age >= 18"));
    QVERIFY(model.move(model.index(2, 0, model.index(0, 0)), -1));
    QCOMPARE(text(), QStringLiteral("a && viewer.age >= 18 && (b || !c || true)"));
    QVERIFY(model.replace(model.index(1, 0, model.index(0, 0)), QStringLiteral("viewer.age < 30")));
    QVERIFY(model.negate(model.index(0, 0, model.index(0, 0))));
    QVERIFY(model.turn(model.index(0, 0)));
    QCOMPARE(text(), QStringLiteral("!a || viewer.age < 30 || b || !c || true"));
    model.setTree(parsed("a && (b || c)"));
    QVERIFY(model.remove(model.index(0, 0, model.index(1, 0, model.index(0, 0)))));
    QCOMPARE(text(), QStringLiteral("a && c"));
    QVERIFY(model.remove(model.index(0, 0, model.index(0, 0))));
    QCOMPARE(text(), QStringLiteral("c"));
    QVERIFY(model.addAlternative(model.index(0, 0)));
    QCOMPARE(text(), QStringLiteral("c || true"));
    QVERIFY(model.remove(model.index(0, 0)));
    QCOMPARE(text(), QStringLiteral("true"));
    QVERIFY(!model.replace(model.index(0, 0), QStringLiteral("a &&")));
    QVERIFY(!model.move(model.index(0, 0), 1));
  }

  void rowsKeepTheirPlaceWhileTheTextIsTyped() {
    ConditionEditor editor;
    auto* tree = test::child<QTreeView>(editor, "conditionTree");
    auto* text = test::child<QPlainTextEdit>(editor, "conditionText");
    editor.setText(QStringLiteral("a == 1 && b == 2"));
    tree->setCurrentIndex(tree->model()->index(1, 0, tree->model()->index(0, 0)));
    const QPersistentModelIndex held = tree->currentIndex();
    text->moveCursor(QTextCursor::End);
    QTest::keyClicks(text, QStringLiteral("5"));
    QTRY_COMPARE(held.data().toString(), QStringLiteral("b is 25"));
    QCOMPARE(tree->currentIndex(), QModelIndex(held));
  }

  void bothFormsAreInStepAndNothingIsLost() {
    ConditionEditor editor;
    editor.setFields({{"viewer.age", model::FieldType::kInt, "", ""}});
    auto* tree = test::child<QTreeView>(editor, "conditionTree");
    auto* text = test::child<QPlainTextEdit>(editor, "conditionText");
    auto* says = test::child<QLabel>(editor, "conditionSays");
    QSignalSpy edited(&editor, &ConditionEditor::textEdited);
    editor.setText(QStringLiteral("viewer.age >= 18 // grown up"));
    QCOMPARE(edited.count(), 0);
    QVERIFY(editor.good());
    text->moveCursor(QTextCursor::End);
    QTest::keyClick(text, Qt::Key_Return);
    QTest::keyClicks(text, QStringLiteral("&& viewer.age <"));
    QTRY_VERIFY(!editor.good());
    QVERIFY(!tree->isEnabled());
    QCOMPARE(tree->model()->index(0, 0).data().toString(), QStringLiteral("viewer.age is at least 18"));
    QVERIFY(says->text().startsWith(QStringLiteral("line 2")));
    QVERIFY(edited.count() > 0);
    QTest::keyClicks(text, QStringLiteral(" 30"));
    QTRY_VERIFY(editor.good());
    QVERIFY(tree->isEnabled());
    QCOMPARE(tree->model()->rowCount(tree->model()->index(0, 0)), 2);
    // A change in the tree keeps the comment.
    tree->setCurrentIndex(tree->model()->index(1, 0, tree->model()->index(0, 0)));
    test::child<QAction>(editor, "removePart")->trigger();
    QVERIFY(editor.text().contains(QStringLiteral("grown up")));
    QVERIFY(!editor.text().contains(QStringLiteral("30")));
    text->undo();
    QVERIFY(editor.text().contains(QStringLiteral("30")));
  }

  void mistakesOfTypesAreToldAndTheTreeStaysInUse() {
    ConditionEditor editor;
    editor.setFields({{"viewer.age", model::FieldType::kInt, "", ""}});
    editor.setText(QStringLiteral("viewer.age == \"old\""));
    QVERIFY(!editor.good());
    QVERIFY(test::child<QTreeView>(editor, "conditionTree")->isEnabled());
    editor.setText(QStringLiteral("viewer.hair == 1"));
    QVERIFY(test::child<QLabel>(editor, "conditionSays")->text().contains(QStringLiteral("viewer.hair")));
  }

  void eachPartSaysWhatItIsForAPerson() {
    ConditionEditor editor;
    model::Field country{"viewer.country", model::FieldType::kString, "ads", ""};
    editor.setFields({{"viewer.age", model::FieldType::kInt, "", ""}, country});
    editor.setText(QStringLiteral("viewer.age >= 18 && viewer.country == \"DE\""));
    auto somebody = std::make_shared<rules::Attributes>();
    QVERIFY(somebody->set("viewer.age", {std::int64_t{30}}).has_value());
    QVERIFY(somebody->set("viewer.country", {std::string("DE")}).has_value());
    editor.setViewer(somebody);
    auto* model = test::child<QTreeView>(editor, "conditionTree")->model();
    const auto verdict = [&](int row) {
      return model->index(row, ConditionModel::kVerdict, model->index(0, 0)).data().toString();
    };
    QCOMPARE(verdict(0), QStringLiteral("true"));
    QCOMPARE(verdict(1), QStringLiteral("unknown"));
    QVERIFY(model->index(1, ConditionModel::kVerdict, model->index(0, 0))
                .data(Qt::ToolTipRole)
                .toString()
                .contains(QStringLiteral("consent")));
    QCOMPARE(model->index(0, ConditionModel::kVerdict).data().toString(), QStringLiteral("unknown"));
  }

  // ---- documents

  void documentsKeepWhatTheyDoNotKnowAndUndoEverything() {
    Document document(ruleset(R"([{"id":"a","when":"true"},{"id":"b","when":"true"}])"), 3, 0, false);
    const std::string before = json::serialize(document.contents());
    document.set("/body/rules/0/when", json::value("x"), QStringLiteral("edit"), true);
    document.set("/body/rules/0/when", json::value("xy"), QStringLiteral("edit"), true);
    QCOMPARE(document.undo().count(), 1);
    document.insert("/body/rules", 1, json::object{{"id", "new"}}, QStringLiteral("add"));
    document.move("/body/rules", 0, 2, QStringLiteral("move"));
    document.remove("/body/rules", 0, QStringLiteral("remove"));
    QCOMPARE(json::serialize(*document.at("/body/rules")),
             std::string(R"([{"id":"b","when":"true"},{"id":"a","when":"xy"}])"));
    QVERIFY(document.unsaved());
    QVERIFY(document.draft().find("\"revision\":4") != std::string::npos);
    QVERIFY(document.draft().find("\"extra\":7") != std::string::npos);
    while (document.undo().canUndo()) document.undo().undo();
    QCOMPARE(json::serialize(document.contents()), before);
    QVERIFY(!document.unsaved());
    document.set("/body/none/deep", json::value(1), QStringLiteral("nowhere"));
    QCOMPARE(json::serialize(document.contents()), before);
  }

  void whatIsNotSavedIsThereAfterACrash() {
    {
      Document document(ruleset(R"([{"id":"a","when":"true"}])"), 1, 0, false);
      Drafts drafts(QStringLiteral("host"), QStringLiteral("p_1"));
      QVERIFY(!drafts.watch(document));
      document.set("/body/rules/0/when", json::value("viewer.age > 1"), QStringLiteral("edit"));
      const QString path = drafts.folder().filePath(QStringLiteral("ruleset-r.json"));
      QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(path), 5000);
      QCOMPARE(QFile::permissions(path) & (QFile::ReadGroup | QFile::ReadOther | QFile::WriteGroup | QFile::WriteOther),
               QFile::Permissions());
    }
    {
      Document document(ruleset(R"([{"id":"a","when":"true"}])"), 1, 0, false);
      Drafts drafts(QStringLiteral("host"), QStringLiteral("p_1"));
      QVERIFY(drafts.watch(document));
      QCOMPARE(*document.at("/body/rules/0/when"), json::value("viewer.age > 1"));
      QVERIFY(document.unsaved());
      document.saved(2);
      QTRY_VERIFY_WITH_TIMEOUT(!QFile::exists(drafts.folder().filePath(QStringLiteral("ruleset-r.json"))), 5000);
    }
    Document document(ruleset(R"([{"id":"a","when":"true"}])"), 1, 0, false);
    Drafts other(QStringLiteral("host"), QStringLiteral("p_2"));
    QVERIFY(!other.watch(document));
  }

  // ---- the list

  void theListIsAModelWhoseRowsStay() {
    Document document(
        ruleset(
            R"x([{"id":"a","when":"true","actions":[]},{"id":"b","when":"1 == 1","actions":[]},{"id":"c","when":"( 1==1 )","actions":[]}])x"),
        1, 0, false);
    RulesModel model;
    QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setDocuments({&document});
    QCOMPARE(model.rowCount(), 3);
    QTRY_VERIFY(model.index(2, RulesModel::kBadges).data().toString().contains(QStringLiteral("same as b")));
    const QPersistentModelIndex c = model.index(2, 0);
    document.insert("/body/rules", 0, json::object{{"id", "first"}, {"when", "true"}}, QStringLiteral("add"));
    QCOMPARE(c.row(), 3);
    document.remove("/body/rules", 1, QStringLiteral("remove"));
    QCOMPARE(c.row(), 2);
    document.set("/body/rules/2/when", json::value("1 +"), QStringLiteral("edit"));
    QTRY_VERIFY(model.index(2, RulesModel::kBadges).data().toString().contains(QStringLiteral("cannot be read")));
    document.undo().undo();
    document.undo().undo();
    document.undo().undo();
    QCOMPARE(model.rowCount(), 3);
    QCOMPARE(model.ruleAt(2), 2);
  }

  void onlyWhatIsProvedIsToBeLookedAt() {
    const std::vector<model::Field> fields{{"viewer.age", model::FieldType::kInt, "", ""},
                                           {"viewer.country", model::FieldType::kString, "", ""}};
    const auto shows = [](const char* overlay) {
      return json::parse(std::string(R"([{"showOverlay":{"overlay":")") + overlay + "\"}}]");
    };
    const auto breaks = [](const char* campaign) {
      return json::parse(std::string(R"([{"fillBreaks":{"campaigns":[")") + campaign + "\"]}}]");
    };
    const std::vector<InspectedRule> rules{
        {QStringLiteral("adults"), "viewer.age >= 18", shows("a")},
        {QStringLiteral("seniors"), "viewer.age >= 65", shows("a")},
        {QStringLiteral("others"), "viewer.age >= 65", shows("b")},
        {QStringLiteral("nobody"), "viewer.age > 5 && viewer.age < 4", shows("c")},
        {QStringLiteral("again"), "viewer.age>=18 // the same", shows("a")},
        {QStringLiteral("mistaken"), "viewer.hair", shows("c")},
        {QStringLiteral("empty"), "true", json::array{}},
        {QStringLiteral("tea"), "viewer.age >= 18", breaks("tea")},
        {QStringLiteral("tea again"), "viewer.age >= 21", breaks("tea")},
        {QStringLiteral("wide"), "viewer.age >= 3", shows("a")},
    };
    const std::atomic<bool> go{false};
    const auto said = inspect(rules, fields, go);
    const QStringList expected{QString(),
                               QStringLiteral("changes nothing: adults comes before it"),
                               QString(),
                               QStringLiteral("never true"),
                               QStringLiteral("same as adults"),
                               QStringLiteral("condition cannot be read"),
                               QStringLiteral("gives nothing"),
                               QString(),
                               QStringLiteral("changes nothing: tea comes before it"),
                               QString()};
    QCOMPARE(said.size(), rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i)
      QCOMPARE(said[i].join(QStringLiteral(", ")), expected[static_cast<qsizetype>(i)]);
    const std::atomic<bool> halt{true};
    QVERIFY(inspect(rules, fields, halt).empty());
  }

  void actionsAreSaidInWords() {
    const json::value actions =
        json::parse(R"([{"showOverlay":{"overlay":"welcome"}},{"replaceSpan":{"event":"feature","clip":"c"}},
      {"fillBreaks":{"campaigns":["tea","car"],"all":true}},{"chooseAudio":{"language":"de"}},{"later":{}}])");
    QCOMPARE(
        actionsInWords(&actions),
        QStringLiteral("overlay welcome; clip c for feature; breaks with tea, car, all campaigns; audio in de; later"));
    QCOMPARE(actionsInWords(nullptr), QString());
  }

  // ---- what is different

  static std::vector<Difference> differ(const char* before, const char* after) {
    const auto document = [](const char* body) {
      return json::parse(std::string(R"({"kind":"ruleset","body":)") + body + "}");
    };
    const json::value old = document(before);
    return differences(&old, document(after));
  }

  void elementsWithIdsAreTheSameWhereverTheyStand() {
    using Kind = Difference::Kind;
    const auto rules = [](const char* list) { return std::string(R"({"rules":)") + list + "}"; };
    const auto before = rules(R"([{"id":"a","when":"x"},{"id":"b","when":"y"},{"id":"c","when":"z"},{"id":"d"}])");
    const auto after = rules(R"([{"id":"c","when":"z"},{"id":"a","when":"xx"},{"id":"b","when":"y"},{"id":"e"}])");
    const auto found = differ(before.c_str(), after.c_str());
    QCOMPARE(found.size(), std::size_t{4});
    QCOMPARE(found[0], (Difference{Kind::kChanged, QStringLiteral("rules › a › when"), QStringLiteral("x"),
                                   QStringLiteral("xx")}));
    QCOMPARE(found[1], (Difference{Kind::kAdded, QStringLiteral("rules › e"), {}, QStringLiteral("{\"id\":\"e\"}")}));
    QCOMPARE(found[2], (Difference{Kind::kRemoved, QStringLiteral("rules › d"), QStringLiteral("{\"id\":\"d\"}"), {}}));
    QCOMPARE(found[3], (Difference{Kind::kMoved, QStringLiteral("rules › c"), {}, {}}));
    QVERIFY(differ(before.c_str(), before.c_str()).empty());
  }

  void listsWithoutIdsAndOtherTypesAreWholes() {
    QCOMPARE(differ(R"({"a":[1,2]})", R"({"a":[2,1]})").size(), std::size_t{1});
    QCOMPARE(differ(R"({"a":[{"id":"x"},{"id":"x"}]})", R"({"a":[{"id":"x"}]})").size(), std::size_t{1});
    QCOMPARE(differ(R"({"a":{"b":1},"c":true})", R"({"a":7})").size(), std::size_t{2});
    const json::value fresh = json::parse(R"({"body":{"a":1,"b":2}})");
    QCOMPARE(differences(nullptr, fresh).size(), std::size_t{2});
    QVERIFY(differences(nullptr, json::value(5)).empty());
  }

  void whatIsVeryDifferentIsNotLookedAtWithoutEnd() {
    json::object before, after;
    for (int i = 0; i < 5000; ++i) after["k" + std::to_string(i)] = i;
    const json::value old = json::object{{"body", before}}, now = json::object{{"body", after}};
    QCOMPARE(differences(&old, now).size(), kMostDifferences);
  }

  void draftsAndReleasesAreModels() {
    DraftsModel drafts;
    QAbstractItemModelTester first(&drafts, QAbstractItemModelTester::FailureReportingMode::QtTest);
    const auto draft = [](const char* id, const char* state) {
      WaitingDraft out;
      out.id = QLatin1String(id);
      out.document = QLatin1String(id);
      out.state = QLatin1String(state);
      return out;
    };
    drafts.setDrafts({draft("a", "draft"), draft("b", "review")});
    const QPersistentModelIndex b = drafts.index(1, DraftsModel::kState);
    drafts.setDrafts({draft("b", "approved"), draft("c", "draft")});
    QCOMPARE(drafts.rowCount(), 2);
    QCOMPARE(b.data().toString(), QStringLiteral("approved, to be published"));
    drafts.setDrafts({});
    QVERIFY(!b.isValid());
    ReleasesModel releases;
    QAbstractItemModelTester second(&releases, QAbstractItemModelTester::FailureReportingMode::QtTest);
    releases.setReleases({{7, QStringLiteral("now"), true, 3, 2, 0, {}},
                          {6, QStringLiteral("then"), true, 3, 0, 1, QStringLiteral("no media\nmore")}});
    QCOMPARE(releases.index(0, ReleasesModel::kState).data().toString(), QStringLiteral("in force on 2 of 3 nodes"));
    QVERIFY(releases.index(1, ReleasesModel::kState).data().toString().contains(QStringLiteral("no media")));
    releases.setReleases({{8, QStringLiteral("now"), false, 0, 0, 0, {}}});
    QCOMPARE(releases.rowCount(), 1);
  }

  void lettersFindWordsInOrder() {
    QVERIFY(likeness(QStringLiteral("Save the draft"), QStringLiteral("sd")) >
            likeness(QStringLiteral("Save the draft"), QStringLiteral("save")));
    QCOMPARE(likeness(QStringLiteral("Save"), QStringLiteral("vs")), -1);
    QCOMPARE(likeness(QStringLiteral("Save"), QString()), 0);
  }
};

}  // namespace dvpe::studio

QTEST_MAIN(dvpe::studio::Widgets)
#include "widgets_test.moc"
