// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/publish/key_dialog.h"

#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QVBoxLayout>

namespace dvpe::studio {

namespace {
const QString kFile = QStringLiteral("signingKey");
}  // namespace

KeyDialog::KeyDialog(const QString& what, QWidget* parent)
    : QDialog(parent), file_(new QLineEdit(this)), passphrase_(new QLineEdit(this)) {
  setObjectName(QStringLiteral("keyDialog"));
  setWindowTitle(tr("Sign and publish"));
  setAttribute(Qt::WA_DeleteOnClose);
  auto* says = new QLabel(what, this);
  says->setWordWrap(true);
  file_->setObjectName(QStringLiteral("keyFile"));
  file_->setText(QSettings().value(kFile).toString());
  file_->setMinimumWidth(48 * fontMetrics().averageCharWidth());
  passphrase_->setObjectName(QStringLiteral("keyPassphrase"));
  passphrase_->setEchoMode(QLineEdit::Password);
  auto* choose = new QPushButton(tr("&Choose…"), this);
  choose->setObjectName(QStringLiteral("chooseKey"));
  choose->setAutoDefault(false);
  choose->setAccessibleName(tr("Choose the key's file"));
  connect(choose, &QPushButton::clicked, this, [this] {
    auto* dialog = new QFileDialog(this, tr("Your signing key"), {}, tr("Keys (*.pem)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, file_, &QLineEdit::setText);
    dialog->open();
  });
  auto* row = new QHBoxLayout;
  row->addWidget(file_, 1);
  row->addWidget(choose);
  auto* form = new QFormLayout;
  auto* label = new QLabel(tr("Signing &key"), this);
  label->setBuddy(file_);
  file_->setAccessibleName(tr("Signing key"));
  form->addRow(label, row);
  form->addRow(tr("&Passphrase"), passphrase_);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel, this);
  sign_ = buttons->addButton(tr("&Sign and publish"), QDialogButtonBox::AcceptRole);
  sign_->setObjectName(QStringLiteral("sign"));
  auto* layout = new QVBoxLayout(this);
  layout->addWidget(says);
  layout->addLayout(form);
  layout->addWidget(buttons);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  connect(buttons, &QDialogButtonBox::accepted, this, &KeyDialog::submit);
  const auto whole = [this] { sign_->setEnabled(!file_->text().isEmpty() && !passphrase_->text().isEmpty()); };
  connect(file_, &QLineEdit::textChanged, this, whole);
  connect(passphrase_, &QLineEdit::textChanged, this, whole);
  whole();
  (file_->text().isEmpty() ? file_ : passphrase_)->setFocus();
}

void KeyDialog::submit() {
  QSettings().setValue(kFile, file_->text());
  emit given(file_->text(), passphrase_->text());
  passphrase_->clear();
  accept();
}

}  // namespace dvpe::studio
