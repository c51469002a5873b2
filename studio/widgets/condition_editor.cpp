// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/widgets/condition_editor.h"

#include <QAction>
#include <QCompleter>
#include <QFontDatabase>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QSplitter>
#include <QStyledItemDelegate>
#include <QTextBlock>
#include <QTimer>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>
#include <algorithm>

#include "shared/rules/sql.h"
#include "studio/widgets/icons.h"

namespace dvpe::studio {

namespace {

constexpr int kPause = 150;  // ms between the last key and reading the text

// Edits the text of one part, proposing fields and, behind an operator, their values.
class PartDelegate final : public QStyledItemDelegate {
 public:
  PartDelegate(const ConditionEditor& editor, QObject* parent) : QStyledItemDelegate(parent), editor_(editor) {}

  QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem&, const QModelIndex&) const override {
    auto* line = new QLineEdit(parent);
    line->setObjectName(QStringLiteral("part"));
    line->setAccessibleName(ConditionEditor::tr("Part of the condition"));
    line->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    auto* completer = new QCompleter(proposals(), line);
    completer->setCaseSensitivity(Qt::CaseInsensitive);
    completer->setFilterMode(Qt::MatchContains);
    line->setCompleter(completer);
    return line;
  }
  void setEditorData(QWidget* editor, const QModelIndex& index) const override {
    auto* line = qobject_cast<QLineEdit*>(editor);
    line->setText(index.data(Qt::EditRole).toString());
    line->selectAll();
  }
  void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override {
    // After the view has closed the editor: the rows may be others then.
    const QString text = qobject_cast<QLineEdit*>(editor)->text();
    QTimer::singleShot(0, model, [model, held = QPersistentModelIndex(index), text] {
      if (held.isValid()) model->setData(held, text, Qt::EditRole);
    });
  }

 private:
  QStringList proposals() const {
    QStringList out;
    for (const model::Field& field : editor_.fields()) {
      const QString path = QString::fromStdString(field.path);
      out << path;
      for (const auto& value : field.values) out << path + " == " + QString::fromStdString(rules::jsonOf(value));
      for (const auto& step : field.steps) out << path + " >= " + QString::fromStdString(rules::jsonOf(step));
    }
    return out;
  }
  const ConditionEditor& editor_;
};

}  // namespace

ConditionEditor::ConditionEditor(QWidget* parent)
    : QWidget(parent),
      model_(new ConditionModel(this)),
      tree_(new QTreeView(this)),
      edit_(new QPlainTextEdit(this)),
      says_(new ToneLabel(this)),
      buttons_(new QWidget(this)),
      later_(new QTimer(this)) {
  tree_->setObjectName(QStringLiteral("conditionTree"));
  tree_->setAccessibleName(tr("Condition as a tree"));
  tree_->setModel(model_);
  tree_->setItemDelegateForColumn(ConditionModel::kPart, new PartDelegate(*this, this));
  tree_->setEditTriggers(QAbstractItemView::EditKeyPressed | QAbstractItemView::DoubleClicked);
  tree_->setUniformRowHeights(true);
  tree_->header()->setStretchLastSection(false);
  tree_->header()->setSectionResizeMode(ConditionModel::kPart, QHeaderView::Stretch);
  tree_->header()->setSectionResizeMode(ConditionModel::kVerdict, QHeaderView::ResizeToContents);
  edit_->setObjectName(QStringLiteral("conditionText"));
  edit_->setAccessibleName(tr("Condition as text"));
  edit_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
  edit_->setTabChangesFocus(true);
  edit_->setPlaceholderText(tr("true: everybody"));
  says_->setObjectName(QStringLiteral("conditionSays"));
  says_->setWordWrap(true);
  says_->setTextInteractionFlags(Qt::TextSelectableByKeyboard | Qt::TextSelectableByMouse);
  says_->setAccessibleName(tr("What is wrong with the condition"));
  makeActions();

  auto* left = new QWidget(this);
  auto* leftLayout = new QVBoxLayout(left);
  leftLayout->setContentsMargins(0, 0, 0, 0);
  leftLayout->addWidget(buttons_);
  leftLayout->addWidget(tree_);
  auto* splitter = new QSplitter(Qt::Horizontal, this);
  splitter->addWidget(left);
  splitter->addWidget(edit_);
  splitter->setChildrenCollapsible(false);
  splitter->setSizes({400, 300});
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(splitter, 1);
  layout->addWidget(says_);

  later_->setSingleShot(true);
  later_->setInterval(kPause);
  connect(later_, &QTimer::timeout, this, &ConditionEditor::read);
  connect(edit_, &QPlainTextEdit::textChanged, this, [this] {
    if (setting_) return;
    later_->start();
    emit textEdited(edit_->toPlainText());
  });
  connect(model_, &ConditionModel::edited, this, &ConditionEditor::treeEdited);
  connect(model_, &ConditionModel::mistaken, this, [this](const QString& why) { says_->say(why, Tone::kBad); });
  connect(model_, &QAbstractItemModel::modelAboutToBeReset, this,
          [this] { currentId_ = tree_->currentIndex().data(ConditionModel::kIdRole); });
  connect(model_, &QAbstractItemModel::modelReset, this, &ConditionEditor::expand);
  setText(QStringLiteral("true"));
}

void ConditionEditor::makeActions() {
  auto* layout = new QHBoxLayout(buttons_);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(2);
  addAction(QStringLiteral("addPart"), tr("Add a condition"), QStringLiteral("add"),
            QKeySequence(Qt::CTRL | Qt::Key_Return), &ConditionModel::add);
  addAction(QStringLiteral("addAlternative"), tr("Or…"), {}, QKeySequence(Qt::CTRL | Qt::Key_G),
            &ConditionModel::addAlternative);
  addAction(QStringLiteral("negatePart"), tr("Not"), {}, QKeySequence(Qt::CTRL | Qt::Key_N), &ConditionModel::negate);
  addAction(QStringLiteral("turnGroup"), tr("All / any"), {}, QKeySequence(Qt::CTRL | Qt::Key_T),
            &ConditionModel::turn);
  auto* up =
      addAction(QStringLiteral("partUp"), tr("Up"), QStringLiteral("up"), QKeySequence(Qt::ALT | Qt::Key_Up), nullptr);
  auto* down = addAction(QStringLiteral("partDown"), tr("Down"), QStringLiteral("down"),
                         QKeySequence(Qt::ALT | Qt::Key_Down), nullptr);
  connect(up, &QAction::triggered, this, [this] { model_->move(current(), -1); });
  connect(down, &QAction::triggered, this, [this] { model_->move(current(), 1); });
  addAction(QStringLiteral("removePart"), tr("Remove"), QStringLiteral("delete"), QKeySequence(Qt::Key_Delete),
            &ConditionModel::remove);
  layout->addStretch(1);
}

QAction* ConditionEditor::addAction(const QString& name, const QString& title, const QString& iconName,
                                    const QKeySequence& keys, bool (ConditionModel::*what)(const QModelIndex&)) {
  auto* action = new QAction(title, this);
  action->setObjectName(name);
  action->setShortcut(keys);
  action->setShortcutContext(Qt::WidgetShortcut);
  action->setToolTip(tr("%1 (%2)").arg(title, keys.toString(QKeySequence::NativeText)));
  if (!iconName.isEmpty()) action->setIcon(icon(iconName));
  if (what != nullptr) connect(action, &QAction::triggered, this, [this, what] { (model_->*what)(current()); });
  tree_->addAction(action);
  auto* button = new QToolButton(buttons_);
  button->setObjectName(name + QStringLiteral("Button"));
  button->setDefaultAction(action);
  button->setAccessibleName(title);
  button->setAutoRaise(true);
  button->setToolButtonStyle(iconName.isEmpty() ? Qt::ToolButtonTextOnly : Qt::ToolButtonIconOnly);
  button->setMinimumSize(28, 28);
  buttons_->layout()->addWidget(button);
  return action;
}

QModelIndex ConditionEditor::current() const {
  const QModelIndex index = tree_->currentIndex();
  return index.isValid() ? index.siblingAtColumn(ConditionModel::kPart) : model_->index(0, ConditionModel::kPart);
}

void ConditionEditor::setFields(std::vector<model::Field> fields) {
  fields_ = std::move(fields);
  read();
}

void ConditionEditor::setText(const QString& text) {
  if (text == edit_->toPlainText() && condition_.program() != nullptr) return;
  setting_ = true;
  edit_->setPlainText(text);
  setting_ = false;
  read();
}

QList<QWidget*> ConditionEditor::inOrder() const {
  QList<QWidget*> out = buttons_->findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly);
  out << tree_ << edit_ << says_;
  return out;
}

QString ConditionEditor::text() const { return edit_->toPlainText(); }

void ConditionEditor::setViewer(std::shared_ptr<const rules::AttributeSource> viewer) {
  viewer_ = std::move(viewer);
  explain();
}

// As if it had been typed: it can be undone there.
void ConditionEditor::treeEdited(const QString& text) {
  QTextCursor cursor(edit_->document());
  cursor.beginEditBlock();
  cursor.select(QTextCursor::Document);
  cursor.insertText(text);
  cursor.endEditBlock();
  read();
}

void ConditionEditor::read() {
  later_->stop();
  const std::string text = edit_->toPlainText().trimmed().isEmpty() ? "true" : edit_->toPlainText().toStdString();
  mistakes_.clear();
  rules::Parsed parsed = rules::parse(text);
  if (parsed.mistakes.empty()) {
    rules::keepIds(model_->tree(), parsed.root);
    model_->setTree(std::move(parsed.root));
    const auto compiled = rules::compile(text, fields_, rules::Use::kContent, &mistakes_);
    if (compiled) condition_ = compiled.value();
  } else {
    mistakes_ = std::move(parsed.mistakes);
  }
  tree_->setEnabled(mistakes_.empty() || rules::parse(text).mistakes.empty());
  buttons_->setEnabled(tree_->isEnabled());
  showMistakes();
  explain();
}

void ConditionEditor::showMistakes() {
  QList<QTextEdit::ExtraSelection> marks;
  const QByteArray bytes = edit_->toPlainText().toUtf8();
  for (const rules::Mistake& mistake : mistakes_) {
    QTextEdit::ExtraSelection mark;
    mark.format.setUnderlineStyle(QTextCharFormat::WaveUnderline);
    mark.format.setUnderlineColor(colourOf(Tone::kBad));
    const auto offset = std::min<qsizetype>(static_cast<qsizetype>(mistake.span.offset), bytes.size());
    const auto end =
        std::min<qsizetype>(offset + std::max<qsizetype>(static_cast<qsizetype>(mistake.span.length), 1), bytes.size());
    mark.cursor = QTextCursor(edit_->document());
    mark.cursor.setPosition(static_cast<int>(QString::fromUtf8(bytes.left(offset)).size()));
    mark.cursor.setPosition(static_cast<int>(QString::fromUtf8(bytes.left(end)).size()), QTextCursor::KeepAnchor);
    marks.append(mark);
  }
  edit_->setExtraSelections(marks);
  if (mistakes_.empty()) {
    says_->say(tr("The condition can be read."), Tone::kQuiet);
  } else {
    says_->say(QString::fromStdString(rules::describe(mistakes_.front())), Tone::kBad);
  }
}

void ConditionEditor::explain() {
  if (viewer_ && mistakes_.empty() && condition_.program() != nullptr) {
    // The tree keeps ids through edits; what is explained is read anew: numbers are taken over place by place.
    rules::Explanation told = rules::explain(condition_, *viewer_);
    rules::Node read = condition_.tree();
    std::map<std::uint32_t, std::uint32_t> ids;
    const auto pair = [&ids](const auto& self, const rules::Node& a, const rules::Node& b) -> void {
      ids[a.id] = b.id;
      for (std::size_t i = 0; i < std::min(a.children.size(), b.children.size()); ++i)
        self(self, a.children[i], b.children[i]);
    };
    pair(pair, read, model_->tree());
    const auto rename = [&ids](const auto& self, rules::Explanation& of) -> void {
      if (const auto found = ids.find(of.id); found != ids.end()) of.id = found->second;
      for (rules::Explanation& child : of.children) self(self, child);
    };
    rename(rename, told);
    model_->setVerdicts(told);
  } else {
    model_->setVerdicts(std::nullopt);
  }
}

void ConditionEditor::expand() {
  tree_->expandAll();
  const QModelIndex index = currentId_.isValid() ? model_->indexOf(currentId_.toUInt()) : QModelIndex();
  if (index.isValid()) tree_->setCurrentIndex(index);
}

}  // namespace dvpe::studio
