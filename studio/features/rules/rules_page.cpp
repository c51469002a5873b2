// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/rules/rules_page.h"

#include <QAction>
#include <QCheckBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QToolButton>
#include <QVBoxLayout>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "studio/features/rules/persona_panel.h"
#include "studio/widgets/condition_editor.h"
#include "studio/widgets/icons.h"

namespace dvpe::studio {

namespace json = boost::json;

namespace {
const std::string kRules = "/body/rules";
constexpr qsizetype kMostFound = 20;
}  // namespace

void RulesFilter::setWords(const QString& words) {
  words_ = words.split(QLatin1Char(' '), Qt::SkipEmptyParts);
  invalidateFilter();
}

void RulesFilter::setOnlyTrouble(bool only) {
  onlyTrouble_ = only;
  invalidateFilter();
}

bool RulesFilter::filterAcceptsRow(int row, const QModelIndex& parent) const {
  const QModelIndex index = sourceModel()->index(row, RulesModel::kRule, parent);
  const QString text = index.data(RulesModel::kSearchRole).toString();
  const auto has = [&](const QString& word) { return text.contains(word, Qt::CaseInsensitive); };
  return std::all_of(words_.begin(), words_.end(), has) &&
         (!onlyTrouble_ || index.data(RulesModel::kTroubleRole).toBool());
}

RulesPage::RulesPage(Desk& desk)
    : desk_(desk),
      rulesets_(desk, this),
      model_(new RulesModel(this)),
      filter_(new RulesFilter(this)),
      pages_(new QStackedWidget(this)),
      table_(new QTableView(this)),
      words_(new QLineEdit(this)),
      trouble_(new QCheckBox(tr("Only what is to be &looked at"), this)),
      empty_(new QLabel(this)),
      title_(new QLabel(this)),
      gives_(new QLabel(this)),
      state_(new QLabel(this)),
      name_(new QLineEdit(this)),
      rule_(new QWidget(this)),
      tools_(new QWidget(this)),
      condition_(new ConditionEditor(this)),
      persona_(new PersonaPanel(this)) {
  setObjectName(QStringLiteral("rulesPage"));
  filter_->setSourceModel(model_);
  makeList();
  makeEditor();
  auto* below = new QSplitter(Qt::Horizontal, this);
  below->addWidget(rule_);
  below->addWidget(persona_);
  below->setStretchFactor(0, 3);
  below->setStretchFactor(1, 1);
  below->setChildrenCollapsible(false);
  auto* both = new QSplitter(Qt::Vertical, this);
  both->addWidget(pages_);
  both->addWidget(below);
  both->setSizes({340, 380});
  both->setChildrenCollapsible(false);
  auto* layout = new QVBoxLayout(this);
  layout->addWidget(tools_);
  layout->addWidget(both, 1);

  connect(&rulesets_, &Rulesets::loaded, this, &RulesPage::loaded);
  connect(&rulesets_, &Rulesets::failed, this, [this](const QString& why) {
    desk_.say(why);
    if (model_->rowCount() == 0) empty_->setText(why);
    showState();
  });
  connect(&rulesets_, &Rulesets::saved, this, [this](Document* of) {
    desk_.say(tr("The draft of %1 is saved.").arg(of->id()));
    showState();
  });
  connect(&rulesets_, &Rulesets::submitted, this,
          [this](Document* of) { desk_.say(tr("%1 waits for somebody else to review it.").arg(of->id())); });
  connect(persona_, &PersonaPanel::viewerChanged, this, [this] {
    model_->setViewer(persona_->viewer());
    condition_->setViewer(persona_->viewer());
  });
  connect(&desk_.session, &Session::stateChanged, this, [this] {
    if (desk_.session.state() == Session::State::kOnline) rulesets_.load();
    showState();
  });
  // As the page is read.
  QList<QWidget*> order{words_, trouble_};
  order << tools_->findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly) << table_ << name_;
  order << condition_->inOrder() << persona_->inOrder();
  for (int i = 1; i < order.size(); ++i) setTabOrder(order[i - 1], order[i]);
  rowChosen();
}

// What others have published meanwhile.
void RulesPage::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  reload();
}

QAction* RulesPage::action(const QString& name, const QString& title, const QString& iconName,
                           const QKeySequence& keys) {
  auto* out = new QAction(title, this);
  out->setObjectName(name);
  out->setShortcut(keys);
  out->setShortcutContext(Qt::WidgetWithChildrenShortcut);
  out->setToolTip(keys.isEmpty() ? title : tr("%1 (%2)").arg(title, keys.toString(QKeySequence::NativeText)));
  if (!iconName.isEmpty()) out->setIcon(icon(iconName));
  addAction(out);
  auto* button = new QToolButton(tools_);
  button->setObjectName(name + QStringLiteral("Button"));
  button->setDefaultAction(out);
  button->setAccessibleName(title);
  button->setToolButtonStyle(iconName.isEmpty() ? Qt::ToolButtonTextOnly : Qt::ToolButtonTextBesideIcon);
  button->setMinimumHeight(28);
  tools_->layout()->addWidget(button);
  return out;
}

void RulesPage::makeList() {
  auto* tools = new QHBoxLayout(tools_);
  tools->setContentsMargins(0, 0, 0, 0);
  words_->setObjectName(QStringLiteral("rulesWords"));
  words_->setPlaceholderText(tr("Find rules"));
  words_->setAccessibleName(tr("Find rules"));
  words_->setClearButtonEnabled(true);
  words_->setMinimumWidth(40 * fontMetrics().averageCharWidth());
  trouble_->setObjectName(QStringLiteral("rulesTrouble"));
  tools->addWidget(words_);
  tools->addWidget(trouble_);
  tools->addStretch(1);
  connect(action(QStringLiteral("addRule"), tr("Add a rule"), QStringLiteral("add"),
                 QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_N)),
          &QAction::triggered, this, &RulesPage::addRule);
  up_ = action(QStringLiteral("ruleUp"), tr("Earlier"), QStringLiteral("up"), QKeySequence(Qt::ALT | Qt::Key_PageUp));
  down_ =
      action(QStringLiteral("ruleDown"), tr("Later"), QStringLiteral("down"), QKeySequence(Qt::ALT | Qt::Key_PageDown));
  remove_ = action(QStringLiteral("removeRule"), tr("Remove"), QStringLiteral("delete"), {});
  save_ = action(QStringLiteral("saveDraft"), tr("Save the draft"), {}, QKeySequence::Save);
  submit_ = action(QStringLiteral("submitDraft"), tr("Give to review"), {}, {});
  connect(up_, &QAction::triggered, this, [this] { move(-1); });
  connect(down_, &QAction::triggered, this, [this] { move(1); });
  connect(remove_, &QAction::triggered, this, &RulesPage::removeRule);
  connect(save_, &QAction::triggered, this, &RulesPage::save);
  connect(submit_, &QAction::triggered, this, &RulesPage::submit);
  connect(words_, &QLineEdit::textChanged, filter_, &RulesFilter::setWords);
  connect(trouble_, &QCheckBox::toggled, filter_, &RulesFilter::setOnlyTrouble);

  table_->setObjectName(QStringLiteral("rulesTable"));
  table_->setAccessibleName(tr("Rules in the order in which they count"));
  table_->setModel(filter_);
  table_->setSelectionBehavior(QAbstractItemView::SelectRows);
  table_->setSelectionMode(QAbstractItemView::SingleSelection);
  table_->setTabKeyNavigation(false);
  table_->setShowGrid(false);
  table_->setAlternatingRowColors(true);
  table_->setWordWrap(false);
  table_->verticalHeader()->hide();
  table_->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  table_->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 12);
  auto* header = table_->horizontalHeader();
  header->setHighlightSections(false);
  header->setDefaultAlignment(Qt::AlignLeading | Qt::AlignVCenter);
  const int letter = fontMetrics().averageCharWidth();
  for (const auto& [column, letters] : {std::pair{RulesModel::kNumber, 14},
                                        {RulesModel::kRule, 24},
                                        {RulesModel::kGives, 40},
                                        {RulesModel::kBadges, 24},
                                        {RulesModel::kVerdict, 18}}) {
    header->resizeSection(column, letters * letter);
  }
  header->setSectionResizeMode(RulesModel::kWhen, QHeaderView::Stretch);
  connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &RulesPage::rowChosen);
  connect(model_, &QAbstractItemModel::dataChanged, this, [this] {
    if (!showing_) showRow();
    showState();
  });

  empty_->setObjectName(QStringLiteral("rulesEmpty"));
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setWordWrap(true);
  empty_->setText(tr("Reading the rules…"));
  pages_->addWidget(empty_);
  pages_->addWidget(table_);
}

void RulesPage::makeEditor() {
  name_->setObjectName(QStringLiteral("ruleName"));
  name_->setAccessibleName(tr("Name of the rule"));
  name_->setMaxLength(64);
  QFont bold = title_->font();
  bold.setBold(true);
  title_->setFont(bold);
  title_->setObjectName(QStringLiteral("ruleTitle"));
  gives_->setObjectName(QStringLiteral("ruleGives"));
  gives_->setWordWrap(true);
  state_->setObjectName(QStringLiteral("ruleState"));
  auto* form = new QFormLayout;
  form->addRow(title_, state_);
  form->addRow(tr("&Name"), name_);
  form->addRow(tr("Gives"), gives_);
  auto* layout = new QVBoxLayout(rule_);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addLayout(form);
  layout->addWidget(condition_, 1);
  connect(condition_, &ConditionEditor::textEdited, this, &RulesPage::conditionEdited);
  connect(name_, &QLineEdit::textEdited, this, [this](const QString& text) {
    const int row = current();
    if (row < 0) return;
    showing_ = true;
    model_->documentAt(row)->set(model_->pointerAt(row) + "/id", json::value(text.toStdString()), tr("name a rule"),
                                 true);
    showing_ = false;
  });
}

void RulesPage::loaded() {
  const int row = current();
  const Document* document = model_->documentAt(row);
  const QString id = document ? document->id() : QString();
  const int rule = model_->ruleAt(row);
  std::vector<Document*> documents;
  for (const auto& each : rulesets_.all()) {
    documents.push_back(each.get());
    // The list hears of a change before the stack has counted it.
    connect(&each->undo(), &QUndoStack::cleanChanged, this, &RulesPage::showState, Qt::UniqueConnection);
  }
  model_->setDocuments(documents);
  persona_->setFields(model_->fields());
  empty_->setText(
      documents.empty()
          ? tr("There are no rulesets yet. An admin makes a channel first; then its rules can be written here.")
          : tr("There are no rules yet: add one."));
  pages_->setCurrentWidget(model_->rowCount() > 0 ? static_cast<QWidget*>(table_) : empty_);
  int wanted = 0;
  for (Document* each : documents) {
    if (each->id() == id) wanted = std::max(model_->rowOf(each, rule), 0);
  }
  if (model_->rowCount() > 0) select(wanted);
  rowChosen();
}

int RulesPage::current() const {
  const QModelIndex index = filter_->mapToSource(table_->currentIndex());
  return index.isValid() ? index.row() : -1;
}

void RulesPage::select(int row) {
  const QModelIndex index = filter_->mapFromSource(model_->index(row, RulesModel::kRule));
  if (index.isValid()) table_->setCurrentIndex(index);
}

void RulesPage::rowChosen() {
  const int row = current();
  rule_->setEnabled(row >= 0);
  condition_->setFields(model_->fieldsAt(row));
  desk_.undo.setActiveStack(row < 0 ? nullptr : &model_->documentAt(row)->undo());
  showRow();
  showState();
}

// As the document has it: after an undo, too.
void RulesPage::showRow() {
  const int row = current();
  const auto text = [&](int column) { return row < 0 ? QString() : model_->index(row, column).data().toString(); };
  title_->setText(row < 0 ? tr("No rule is chosen")
                          : tr("Rule %1 of %2").arg(model_->ruleAt(row) + 1).arg(model_->documentAt(row)->id()));
  if (name_->text() != text(RulesModel::kRule)) name_->setText(text(RulesModel::kRule));
  gives_->setText(text(RulesModel::kGives).isEmpty() ? tr("nothing yet") : text(RulesModel::kGives));
  const json::value* when = row < 0 ? nullptr : model_->documentAt(row)->at(model_->pointerAt(row) + "/when");
  const QString condition = when != nullptr && when->is_string()
                                ? QString::fromStdString(std::string(when->get_string()))
                                : QStringLiteral("true");
  if (condition_->text() != condition) condition_->setText(condition);
}

void RulesPage::showState() {
  const int row = current();
  Document* document = model_->documentAt(row);
  const bool online = desk_.session.state() == Session::State::kOnline;
  state_->setText(document == nullptr   ? QString()
                  : document->unsaved() ? tr("changed, not saved as a draft")
                  : document->drafted() ? tr("draft")
                                        : tr("as published"));
  save_->setEnabled(document != nullptr && document->unsaved() && online);
  submit_->setEnabled(document != nullptr && !document->unsaved() && document->drafted() && online);
  remove_->setEnabled(row >= 0);
  up_->setEnabled(row >= 0 && model_->ruleAt(row) > 0);
  down_->setEnabled(row >= 0 && model_->rowOf(document, model_->ruleAt(row) + 1) >= 0);
  pages_->setCurrentWidget(model_->rowCount() > 0 ? static_cast<QWidget*>(table_) : empty_);
}

void RulesPage::conditionEdited(const QString& text) {
  const int row = current();
  if (row < 0) return;
  showing_ = true;
  model_->documentAt(row)->set(model_->pointerAt(row) + "/when", json::value(text.toStdString()),
                               tr("edit a condition"), true);
  showing_ = false;
}

void RulesPage::addRule() {
  const int row = std::max(current(), 0);
  Document* document = model_->documentAt(row);
  if (document == nullptr && !rulesets_.all().empty()) document = rulesets_.all().front().get();
  if (document == nullptr) return;
  const int place = model_->rowCount() > 0 ? model_->ruleAt(row) + 1 : 0;
  const json::value* rules = document->at(kRules);
  std::string name = "new-rule";
  const auto taken = [&](const std::string& id) {
    return std::any_of(rules->get_array().begin(), rules->get_array().end(), [&](const json::value& each) {
      return each.is_object() && each.get_object().if_contains("id") && each.at("id") == json::value(id);
    });
  };
  for (int i = 2; rules != nullptr && rules->is_array() && taken(name); ++i) name = "new-rule-" + std::to_string(i);
  document->insert(kRules, static_cast<std::size_t>(place),
                   json::object{{"id", name}, {"when", "true"}, {"actions", json::array{}}}, tr("add a rule"));
  select(model_->rowOf(document, place));
  name_->setFocus();
  name_->selectAll();
}

void RulesPage::removeRule() {
  const int row = current();
  if (row < 0) return;
  const QString name = model_->index(row, RulesModel::kRule).data().toString();
  model_->documentAt(row)->remove(kRules, static_cast<std::size_t>(model_->ruleAt(row)), tr("remove a rule"));
  desk_.say(tr("%1 is removed. Undo brings it back.").arg(name));
  rowChosen();
}

void RulesPage::move(int by) {
  const int row = current();
  Document* document = model_->documentAt(row);
  if (document == nullptr || model_->rowOf(document, model_->ruleAt(row) + by) < 0) return;
  const int rule = model_->ruleAt(row), to = rule + by;
  document->move(kRules, static_cast<std::size_t>(rule), static_cast<std::size_t>(to),
                 by < 0 ? tr("move a rule earlier") : tr("move a rule later"));
  select(model_->rowOf(document, to));
}

void RulesPage::save() {
  if (Document* document = model_->documentAt(current())) rulesets_.save(*document);
}

void RulesPage::submit() {
  if (Document* document = model_->documentAt(current())) rulesets_.submit(*document);
}

QList<Found> RulesPage::find(const QString& letters) {
  QList<Found> out;
  for (int row = 0; row < model_->rowCount() && out.size() < kMostFound; ++row) {
    const QString name = model_->index(row, RulesModel::kRule).data().toString();
    if (!name.contains(letters, Qt::CaseInsensitive)) continue;
    out.append({name, tr("rule of %1").arg(model_->documentAt(row)->id()), [this, row] {
                  words_->clear();
                  trouble_->setChecked(false);
                  select(row);
                  table_->setFocus();
                }});
  }
  return out;
}

}  // namespace dvpe::studio
