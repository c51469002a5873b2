// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A person's connection to the database, on a thread of its own: whatever becomes of the connection, the window lives.
#pragma once

#include <QObject>
#include <QPointer>
#include <QSet>
#include <QStringList>
#include <QThread>
#include <functional>
#include <memory>

#include "shared/base/result.h"
#include "shared/database/connection.h"
#include "studio/session/servers.h"

namespace dvpe::studio {

struct Credentials {
  Server server;
  QString login, password;
  QString code;  // of the authenticator, or a recovery code
};

// Who has signed in.
struct Person {
  QString name, fullName, organisation;
  QSet<QString> roles;  // "creator", "advertiser", ...
};

// Belongs to the GUI thread. What is asked is done in order, one after the other.
class Session : public QObject {
  Q_OBJECT
 public:
  enum class State {
    kSignedOut,
    kConnecting,
    kOnline,
    kOffline  // it was online; what is written stays, and can be saved after signing in again
  };

  explicit Session(QObject* parent = nullptr);
  ~Session() override;

  State state() const { return state_; }
  const Person& person() const { return person_; }
  const Server& server() const { return credentials_.server; }
  const QString& login() const { return credentials_.login; }
  // Why it is offline, in plain words.
  const QString& trouble() const { return trouble_; }

  // Ends in kOnline, or in refused() and the state before.
  void signIn(const Credentials& credentials);
  // After kOffline: with the same password and another code.
  void signInAgain(const QString& code);
  void signOut();

  // Does `work` on the session's thread and gives what came of it to `done` on this one, unless `context` is gone by
  // then. kUnavailable at once when nobody is signed in; an answer of that kind makes the session offline.
  template <class T>
  void ask(QObject* context, std::function<base::Result<T>(database::Connection&)> work,
           std::function<void(base::Result<T>)> done) {
    QPointer<QObject> guard(context);
    post([this, guard, work = std::move(work), done = std::move(done)](database::Connection* connection) {
      auto result = std::make_shared<base::Result<T>>(connection ? work(*connection) : base::Result<T>(nobody()));
      const bool lost = connection == nullptr || !connection->usable();
      const QString why = result->has_value() ? QString() : QString::fromStdString(result->error().message);
      QMetaObject::invokeMethod(
          this,
          [this, guard, result, done, lost, why] {
            if (lost) wentOffline(why);
            if (guard) done(std::move(*result));
          },
          Qt::QueuedConnection);
    });
  }

 signals:
  void stateChanged();
  // In plain words.
  void refused(const QString& why);

 private:
  class Worker;
  using Work = std::function<void(database::Connection*)>;
  void post(Work work);
  void signedIn(const Credentials& credentials, const base::Result<Person>& person);
  void wentOffline(const QString& why);
  void become(State state);
  static base::Error nobody();

  QThread thread_;
  Worker* worker_;  // lives on thread_
  State state_ = State::kSignedOut, before_ = State::kSignedOut;
  Credentials credentials_;  // the password stays until somebody signs out: it may be needed after the line was cut
  Person person_;
  QString trouble_;
  std::uint64_t attempt_ = 0;
};

}  // namespace dvpe::studio
