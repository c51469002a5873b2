// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The studio's colours: own palettes for Fusion, tested for contrast (WCAG 2.1, 1.4.3 and 1.4.11), because Fusion's own
// light one fails in two places. GUI thread.
#pragma once

#include <QColor>
#include <QLabel>
#include <QPalette>
#include <QString>

namespace dvpe::studio {

enum class Theme { kLight, kDark, kHighContrast };

// "light", "dark", "contrast"
QString nameOf(Theme theme);
Theme themeOf(const QString& name);

// Its colours, those of what is disabled too.
QPalette paletteOf(Theme theme);
// Puts it on the whole application, which must use the style "Fusion".
void useTheme(Theme theme);
Theme themeInUse();

// What a thing is, beside its words and its shape: never colour alone.
enum class Tone { kGood, kBad, kWarning, kQuiet };
QColor colourOf(Tone tone);

// Words in a tone, in whatever theme.
class ToneLabel : public QLabel {
  Q_OBJECT
 public:
  using QLabel::QLabel;
  void say(const QString& text, Tone tone);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void paintTone();
  Tone tone_ = Tone::kQuiet;
};

// Fusion, with fields whose edges can be seen in every theme (WCAG 2.1, 1.4.11). The application takes it over.
void useStyle();

// Of two opaque colours: 1 to 21 (WCAG 2.1, relative luminance).
double contrast(const QColor& a, const QColor& b);

}  // namespace dvpe::studio
