// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The desktop studio.
#include <QApplication>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

#include "studio/features/publish/publish_feature.h"
#include "studio/features/rules/rules_feature.h"
#include "studio/shell/main_window.h"
#include "studio/shell/sign_in_page.h"

namespace {

using namespace dvpe::studio;

// For trying it out on a database of one's own: a file with what the sign-in page asks for, which only its owner may
// read, and which is deleted here.
void signInByFile(MainWindow& window, const QString& path) {
  QFile file(path);
  if (path.isEmpty() || !file.open(QIODevice::ReadOnly) || (file.permissions() & QFile::ReadOther) != 0) return;
  const QJsonObject json = QJsonDocument::fromJson(file.read(65536)).object();
  file.remove();
  const auto text = [&json](const char* key) { return json.value(QLatin1String(key)).toString(); };
  Credentials credentials;
  if (!readServer(text("server"), credentials.server)) return;
  credentials.server.rootCertificate = text("certificate");
  credentials.login = text("login");
  credentials.password = text("password");
  credentials.code = text("code");
  window.signInPage().fill(credentials);
  window.session().signIn(credentials);
}

}  // namespace

int main(int argc, char** argv) {
  QApplication::setApplicationName(QStringLiteral("studio"));
  QApplication::setOrganizationName(QStringLiteral("dvpe"));
  QApplication application(argc, argv);
  useStyle();
  std::vector<std::unique_ptr<Feature>> features;
  features.push_back(rulesFeature());
  features.push_back(publishFeature());
  MainWindow window(std::move(features));
  window.QWidget::show();
  signInByFile(window, qEnvironmentVariable("DVPE_STUDIO_SIGN_IN"));
  return QApplication::exec();
}
