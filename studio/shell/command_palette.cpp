// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/shell/command_palette.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>

namespace dvpe::studio {

int likeness(const QString& text, const QString& letters) {
  int between = 0;
  qsizetype at = -1;
  for (const QChar letter : letters) {
    if (letter.isSpace()) continue;
    const qsizetype next = text.indexOf(letter, at + 1, Qt::CaseInsensitive);
    if (next < 0) return -1;
    between += static_cast<int>(next - at - 1);
    at = next;
  }
  return between;
}

CommandPalette::CommandPalette(Source source, QWidget* parent)
    : QDialog(parent), source_(std::move(source)), letters_(new QLineEdit(this)), list_(new QListWidget(this)) {
  setObjectName(QStringLiteral("commandPalette"));
  setWindowTitle(tr("Find and do"));
  setAttribute(Qt::WA_DeleteOnClose);
  letters_->setObjectName(QStringLiteral("paletteLetters"));
  letters_->setPlaceholderText(tr("Letters of an action, a page or a rule"));
  letters_->setAccessibleName(tr("Letters of an action, a page or a rule"));
  list_->setObjectName(QStringLiteral("paletteList"));
  list_->setAccessibleName(tr("What was found"));
  list_->setUniformItemSizes(true);
  auto* layout = new QVBoxLayout(this);
  layout->addWidget(letters_);
  layout->addWidget(list_);
  resize(560, 380);
  letters_->installEventFilter(this);
  connect(letters_, &QLineEdit::textChanged, this, &CommandPalette::search);
  connect(letters_, &QLineEdit::returnPressed, this, &CommandPalette::run);
  connect(list_, &QListWidget::itemActivated, this, &CommandPalette::run);
  search();
}

void CommandPalette::search() {
  found_ = source_(letters_->text());
  list_->clear();
  for (const Found& each : found_) list_->addItem(tr("%1   (%2)").arg(each.title, each.kind));
  if (list_->count() > 0) list_->setCurrentRow(0);
}

// Arrows move in the list while letters are typed.
bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
  if (watched == letters_ && event->type() == QEvent::KeyPress) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    const int by = key == Qt::Key_Down ? 1 : key == Qt::Key_Up ? -1 : 0;
    if (by != 0) {
      list_->setCurrentRow(std::clamp(list_->currentRow() + by, 0, std::max(list_->count() - 1, 0)));
      return true;
    }
  }
  return QDialog::eventFilter(watched, event);
}

void CommandPalette::run() {
  const int row = list_->currentRow();
  if (row < 0 || row >= found_.size()) return;
  const auto open = found_[row].open;
  accept();
  open();
}

}  // namespace dvpe::studio
