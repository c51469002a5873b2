// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/shell/sign_in_page.h"

#include <QComboBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QVBoxLayout>

#include "studio/widgets/theme.h"

namespace dvpe::studio {

namespace {
constexpr int kWidth = 460;
}  // namespace

SignInPage::SignInPage(Session& session, QWidget* parent)
    : QWidget(parent),
      session_(session),
      servers_(Servers::load()),
      server_(new QComboBox(this)),
      certificate_(new QLineEdit(this)),
      login_(new QLineEdit(this)),
      password_(new QLineEdit(this)),
      code_(new QLineEdit(this)),
      browse_(new QPushButton(tr("&Choose…"), this)),
      enter_(new QPushButton(tr("&Sign in"), this)),
      says_(new ToneLabel(this)) {
  setObjectName(QStringLiteral("signInPage"));
  server_->setObjectName(QStringLiteral("server"));
  server_->setEditable(true);
  server_->lineEdit()->setPlaceholderText(QStringLiteral("db.example.org:5432/dvpe"));
  server_->lineEdit()->setAccessibleName(tr("Server"));
  for (const Server& each : servers_.all()) server_->addItem(each.title());
  certificate_->setObjectName(QStringLiteral("certificate"));
  certificate_->setPlaceholderText(tr("PEM file of who signs the server's certificate"));
  browse_->setObjectName(QStringLiteral("chooseCertificate"));
  browse_->setAccessibleName(tr("Choose the certificate's file"));
  login_->setObjectName(QStringLiteral("login"));
  password_->setObjectName(QStringLiteral("password"));
  password_->setEchoMode(QLineEdit::Password);
  code_->setObjectName(QStringLiteral("code"));
  code_->setPlaceholderText(tr("six digits of your authenticator"));
  code_->setMaxLength(32);
  enter_->setObjectName(QStringLiteral("signIn"));
  enter_->setDefault(true);
  says_->setObjectName(QStringLiteral("signInSays"));
  says_->setWordWrap(true);
  says_->setMinimumHeight(2 * fontMetrics().lineSpacing());
  says_->setAlignment(Qt::AlignTop | Qt::AlignLeading);

  auto* title = new QLabel(tr("DVPE Studio"), this);
  QFont large = title->font();
  large.setPointSizeF(large.pointSizeF() * 1.8);
  title->setFont(large);
  auto* file = new QHBoxLayout;
  file->addWidget(certificate_, 1);
  file->addWidget(browse_);
  auto* form = new QFormLayout;
  form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  form->addRow(tr("S&erver"), server_);
  auto* certificate = new QLabel(tr("Ce&rtificate"), this);
  certificate->setBuddy(certificate_);
  form->addRow(certificate, file);
  form->addRow(tr("&Login"), login_);
  form->addRow(tr("&Password"), password_);
  form->addRow(tr("&One-time code"), code_);
  certificate_->setAccessibleName(tr("Certificate"));

  auto* card = new QWidget(this);
  card->setMaximumWidth(kWidth);
  card->setMinimumWidth(kWidth);
  auto* inside = new QVBoxLayout(card);
  inside->setSpacing(12);
  inside->addWidget(title);
  inside->addLayout(form);
  inside->addWidget(says_);
  inside->addWidget(enter_, 0, Qt::AlignTrailing);
  auto* layout = new QVBoxLayout(this);
  layout->addStretch(2);
  layout->addWidget(card, 0, Qt::AlignHCenter);
  layout->addStretch(3);

  connect(enter_, &QPushButton::clicked, this, &SignInPage::submit);
  for (QLineEdit* each : {certificate_, login_, password_, code_}) {
    connect(each, &QLineEdit::returnPressed, this, &SignInPage::submit);
  }
  connect(browse_, &QPushButton::clicked, this, [this] {
    auto* dialog =
        new QFileDialog(this, tr("The certificate of who signs the server's"), {}, tr("Certificates (*.pem *.crt)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, certificate_, &QLineEdit::setText);
    dialog->open();
  });
  connect(server_, &QComboBox::activated, this, &SignInPage::chooseServer);
  connect(&session_, &Session::stateChanged, this, &SignInPage::stateChanged);
  connect(&session_, &Session::refused, this, [this](const QString& why) {
    say(why, true);
    code_->clear();
    code_->setFocus();
  });
  if (server_->count() > 0) {
    chooseServer(0);
  } else {
    server_->setCurrentText(QString());
  }
}

void SignInPage::chooseServer(int index) {
  if (index < 0 || index >= servers_.all().size()) return;
  certificate_->setText(servers_.all()[index].rootCertificate);
  login_->setText(servers_.all()[index].login);
}

void SignInPage::begin() {
  password_->clear();
  code_->clear();
  say({}, false);
}

void SignInPage::expect(const Server& server, const QString& login) {
  begin();
  server_->setCurrentText(server.title());
  certificate_->setText(server.rootCertificate);
  login_->setText(login);
  say(tr("The window is locked. What you were writing is still there."), false);
}

void SignInPage::fill(const Credentials& credentials) {
  server_->setCurrentText(credentials.server.title());
  certificate_->setText(credentials.server.rootCertificate);
  login_->setText(credentials.login);
  password_->setText(credentials.password);
  code_->setText(credentials.code);
}

void SignInPage::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  QLineEdit* fields[] = {server_->lineEdit(), login_, password_, code_};
  for (QLineEdit* each : fields) {
    if (!each->text().isEmpty()) continue;
    each->setFocus();
    return;
  }
}

void SignInPage::say(const QString& text, bool bad) { says_->say(text, bad ? Tone::kBad : Tone::kQuiet); }

void SignInPage::submit() {
  Credentials credentials;
  if (!readServer(server_->currentText(), credentials.server)) {
    say(tr("The server is written as host, host:port or host:port/database."), true);
    server_->setFocus();
    return;
  }
  const std::pair<QLineEdit*, QString> needed[] = {{login_, tr("Whose login? It looks like p_5f0c…")},
                                                   {password_, tr("The password is missing.")},
                                                   {code_, tr("The one-time code is missing.")}};
  for (const auto& [field, why] : needed) {
    if (!field->text().isEmpty()) continue;
    say(why, true);
    field->setFocus();
    return;
  }
  credentials.server.rootCertificate = certificate_->text();
  credentials.server.login = credentials.login = login_->text().trimmed();
  credentials.password = password_->text();
  credentials.code = code_->text();
  say(tr("Signing in…"), false);
  session_.signIn(credentials);
}

void SignInPage::stateChanged() {
  const bool busy = session_.state() == Session::State::kConnecting;
  for (QWidget* each : {static_cast<QWidget*>(server_), static_cast<QWidget*>(certificate_),
                        static_cast<QWidget*>(browse_), static_cast<QWidget*>(login_), static_cast<QWidget*>(password_),
                        static_cast<QWidget*>(code_), static_cast<QWidget*>(enter_)}) {
    each->setEnabled(!busy);
  }
  if (session_.state() != Session::State::kOnline) return;
  Server server = session_.server();
  server.login = session_.login();
  servers_.remember(server);
  servers_.save();
  begin();
}

}  // namespace dvpe::studio
