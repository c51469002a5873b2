// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A window on the test's database, and who may sign in there.
#pragma once

#include <QApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSettings>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QtTest>

#include "studio/features/publish/publish_feature.h"
#include "studio/features/rules/rules_feature.h"
#include "studio/shell/main_window.h"
#include "studio/shell/sign_in_page.h"

namespace dvpe::studio::test {

// Nothing of the person who runs the tests is read or written.
inline void stayApart(const QTemporaryDir& folder) {
  QStandardPaths::setTestModeEnabled(true);
  qputenv("XDG_DATA_HOME", folder.path().toUtf8());
  QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, folder.path());
  QApplication::setApplicationName(QStringLiteral("studio-test"));
  QApplication::setOrganizationName(QStringLiteral("dvpe-test"));
  useStyle();
}

class People {
 public:
  People() : all_(QJsonDocument::fromJson(qgetenv("DVPE_STUDIO_PEOPLE")).object()) {}
  // With a code that was not used yet.
  Credentials credentials(const QString& name) {
    const QJsonArray of = all_[name].toArray();
    Credentials out;
    readServer(qEnvironmentVariable("DVPE_STUDIO_SERVER"), out.server);
    out.server.rootCertificate = qEnvironmentVariable("DVPE_STUDIO_CERTIFICATE");
    out.login = of[0].toString();
    out.password = of[1].toString();
    out.code = of[2 + used_[name]++].toString();
    out.server.login = out.login;
    return out;
  }

 private:
  QJsonObject all_;
  QHash<QString, int> used_;
};

inline std::unique_ptr<MainWindow> window() {
  std::vector<std::unique_ptr<Feature>> features;
  features.push_back(rulesFeature());
  features.push_back(publishFeature());
  auto out = std::make_unique<MainWindow>(std::move(features));
  out->QWidget::show();
  QApplication::setActiveWindow(out.get());  // shortcuts go to the window in front
  return out;
}

// A widget by its name, or the test fails where it is used.
template <class T>
T* child(QWidget& of, const char* name) {
  T* found = of.findChild<T*>(QLatin1String(name));
  if (found == nullptr) qFatal("there is no %s", name);
  return found;
}

}  // namespace dvpe::studio::test
