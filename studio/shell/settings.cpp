// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/shell/settings.h"

#include <QApplication>
#include <QFont>
#include <QSettings>
#include <algorithm>

namespace dvpe::studio {

namespace {
const QString kTheme = QStringLiteral("theme"), kText = QStringLiteral("textPercent"),
              kLock = QStringLiteral("lockMinutes");
}  // namespace

Settings Settings::load() {
  const QSettings of;
  Settings out;
  out.theme = themeOf(of.value(kTheme).toString());
  out.textPercent = std::clamp(of.value(kText, 100).toInt(), 75, 200);
  out.lockMinutes = std::clamp(of.value(kLock, 15).toInt(), 0, 240);
  return out;
}

void Settings::save() const {
  QSettings of;
  of.setValue(kTheme, nameOf(theme));
  of.setValue(kText, textPercent);
  of.setValue(kLock, lockMinutes);
}

void Settings::apply() const {
  static const qreal kSize = QApplication::font().pointSizeF() > 0 ? QApplication::font().pointSizeF() : 10;
  useTheme(theme);
  QFont font = QApplication::font();
  font.setPointSizeF(kSize * textPercent / 100);
  QApplication::setFont(font);
}

}  // namespace dvpe::studio
