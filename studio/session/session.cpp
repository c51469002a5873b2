// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/session/session.h"

#include "shared/database/check.h"

namespace dvpe::studio {

using base::ErrorCode;
using base::Result;

namespace {

// A statement that hangs is ended by the server; the window has not waited for it.
constexpr const char* kSettings = "SET statement_timeout = '20s'";

Result<Person> prove(database::Connection& connection, const QString& code) {
  DVPE_TRY(const auto proved, connection.query("SELECT session.prove($1)", {code.trimmed().toStdString()}));
  const std::string_view answer = proved.text(0, 0);
  if (answer == "locked") {
    return base::fail(ErrorCode::kRefused, "Too many wrong codes: an admin has to let you in again.");
  }
  if (answer == "disabled") return base::fail(ErrorCode::kRefused, "This login is disabled.");
  if (answer != "ok") {
    return base::fail(ErrorCode::kRefused, "The one-time code is wrong, or was used before. Wait for the next one.");
  }
  DVPE_CHECK(connection.query(kSettings));
  DVPE_TRY(const auto rows,
           connection.query("SELECT name, full_name, organisation FROM dvpe.person WHERE id = session.me()"));
  if (rows.empty()) return base::fail(ErrorCode::kRefused, "This login is nobody's.");
  const auto text = [&](int column) { return QString::fromStdString(std::string(rows.text(0, column))); };
  Person out{text(0), text(1), text(2), {}};
  for (const char* role : {"creator", "advertiser", "ad_operations", "analyst", "broadcaster", "admin"}) {
    DVPE_TRY(const auto has, connection.query("SELECT session.has_role($1)", {std::string(role)}));
    if (has.flag(0, 0)) out.roles.insert(QString::fromLatin1(role));
  }
  return out;
}

// What people can do something about.
QString plain(const base::Error& error) {
  const QString text = QString::fromStdString(error.message);
  if (error.code == ErrorCode::kUnavailable) {
    return Session::tr("The database cannot be reached: %1").arg(text.section(QLatin1Char('\n'), 0, 0));
  }
  return text;
}

}  // namespace

// Lives on the session's thread, with the connection.
class Session::Worker : public QObject {
 public:
  Result<Person> open(const Credentials& credentials) {
    connection_.reset();
    database::ConnectOptions options;
    options.host = credentials.server.host.toStdString();
    options.port = static_cast<std::uint16_t>(credentials.server.port);
    options.database = credentials.server.database.toStdString();
    options.rootCertificate = credentials.server.rootCertificate.toStdString();
    options.user = credentials.login.trimmed().toStdString();
    options.password = credentials.password.toStdString();
    options.application = "dvpe studio";
    DVPE_TRY(auto connection, database::openStrict(options));
    DVPE_TRY(auto person, prove(connection, credentials.code));
    connection_ = std::make_unique<database::Connection>(std::move(connection));
    return person;
  }
  void close() { connection_.reset(); }
  database::Connection* connection() {
    if (connection_ && !connection_->usable()) connection_.reset();
    return connection_.get();
  }

 private:
  std::unique_ptr<database::Connection> connection_;
};

Session::Session(QObject* parent) : QObject(parent), worker_(new Worker) {
  worker_->moveToThread(&thread_);
  QObject::connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
  thread_.setObjectName(QStringLiteral("session"));
  thread_.start();
}

Session::~Session() {
  thread_.quit();
  thread_.wait();
}

base::Error Session::nobody() { return {ErrorCode::kUnavailable, "nobody is signed in"}; }

void Session::post(Work work) {
  QMetaObject::invokeMethod(
      worker_, [worker = worker_, work = std::move(work)] { work(worker->connection()); }, Qt::QueuedConnection);
}

void Session::signIn(const Credentials& credentials) {
  if (state_ == State::kConnecting) return;
  before_ = state_;
  become(State::kConnecting);
  const std::uint64_t attempt = ++attempt_;
  QMetaObject::invokeMethod(
      worker_,
      [this, attempt, credentials, worker = worker_] {
        auto person = std::make_shared<Result<Person>>(worker->open(credentials));
        QMetaObject::invokeMethod(
            this,
            [this, attempt, credentials, person] {
              if (attempt == attempt_) signedIn(credentials, *person);
            },
            Qt::QueuedConnection);
      },
      Qt::QueuedConnection);
}

void Session::signInAgain(const QString& code) {
  Credentials again = credentials_;
  again.code = code;
  signIn(again);
}

void Session::signedIn(const Credentials& credentials, const Result<Person>& person) {
  if (!person) {
    become(before_);
    emit refused(plain(person.error()));
    return;
  }
  credentials_ = credentials;
  credentials_.code.clear();
  person_ = person.value();
  trouble_.clear();
  become(State::kOnline);
}

void Session::signOut() {
  ++attempt_;
  credentials_.password.fill(QLatin1Char('x'));
  credentials_.password.clear();
  person_ = {};
  QMetaObject::invokeMethod(
      worker_, [worker = worker_] { worker->close(); }, Qt::QueuedConnection);
  become(State::kSignedOut);
}

void Session::wentOffline(const QString& why) {
  if (state_ != State::kOnline) return;
  trouble_ = why.section(QLatin1Char('\n'), 0, 0);
  become(State::kOffline);
}

void Session::become(State state) {
  if (state_ == state) return;
  state_ = state;
  emit stateChanged();
}

}  // namespace dvpe::studio
