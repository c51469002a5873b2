// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/widgets/theme.h"

#include <QApplication>
#include <QEvent>
#include <QPainter>
#include <QProxyStyle>
#include <QStyleFactory>
#include <QStyleOption>
#include <array>
#include <cmath>

namespace dvpe::studio {

namespace {

struct Colours {
  const char *window, *text, *base, *alternate, *button, *quiet, *disabled, *highlight, *highlighted, *link, *edge;
  std::array<const char*, 4> tones;  // good, bad, warning, quiet
};

// On `window` and `base` words have at least 4.5:1, what marks something else at least 3:1.
constexpr Colours kLight{"#f4f5f7", "#1a1d21", "#ffffff", "#eceef1",
                         "#e6e8ec", "#5b6169", "#8a8f98", "#1f5fbf",
                         "#ffffff", "#1a56b0", "#80868f", {"#0b6b3a", "#b3261e", "#8a5300", "#5b6169"}};
constexpr Colours kDark{"#1c1f24", "#e8eaed", "#15171b", "#22262c",
                        "#2b3037", "#a2a9b3", "#70767f", "#3570d0",
                        "#ffffff", "#8ab4f8", "#7b828c", {"#6fd79c", "#ff8a80", "#ffcc66", "#a2a9b3"}};
constexpr Colours kContrast{"#000000", "#ffffff", "#000000", "#101010",
                            "#000000", "#ffffff", "#b0b0b0", "#ffff00",
                            "#000000", "#66ccff", "#ffffff", {"#00ff7f", "#ff9999", "#ffff00", "#ffffff"}};

const Colours& coloursOf(Theme theme) {
  return theme == Theme::kLight ? kLight : theme == Theme::kDark ? kDark : kContrast;
}

Theme inUse = Theme::kLight;

double luminance(const QColor& colour) {
  const auto part = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
  return 0.2126 * part(colour.redF()) + 0.7152 * part(colour.greenF()) + 0.0722 * part(colour.blueF());
}

}  // namespace

QString nameOf(Theme theme) {
  return theme == Theme::kLight  ? QStringLiteral("light")
         : theme == Theme::kDark ? QStringLiteral("dark")
                                 : QStringLiteral("contrast");
}

Theme themeOf(const QString& name) {
  return name == QLatin1String("dark")       ? Theme::kDark
         : name == QLatin1String("contrast") ? Theme::kHighContrast
                                             : Theme::kLight;
}

QPalette paletteOf(Theme theme) {
  const Colours& of = coloursOf(theme);
  QPalette out;
  const auto set = [&out](QPalette::ColorRole role, const char* colour) { out.setColor(role, QColor(colour)); };
  set(QPalette::Window, of.window);
  set(QPalette::WindowText, of.text);
  set(QPalette::Base, of.base);
  set(QPalette::AlternateBase, of.alternate);
  set(QPalette::Text, of.text);
  set(QPalette::Button, of.button);
  set(QPalette::ButtonText, of.text);
  set(QPalette::BrightText, of.text);
  set(QPalette::ToolTipBase, of.base);
  set(QPalette::ToolTipText, of.text);
  set(QPalette::PlaceholderText, of.quiet);
  set(QPalette::Highlight, of.highlight);
  set(QPalette::HighlightedText, of.highlighted);
  set(QPalette::Link, of.link);
  set(QPalette::LinkVisited, of.link);
  set(QPalette::Light, of.base);
  set(QPalette::Midlight, of.alternate);
  set(QPalette::Mid, of.edge);
  set(QPalette::Dark, of.edge);
  set(QPalette::Shadow, of.edge);
  for (const QPalette::ColorRole role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText}) {
    out.setColor(QPalette::Disabled, role, QColor(of.disabled));
  }
  return out;
}

void useTheme(Theme theme) {
  inUse = theme;
  QApplication::setPalette(paletteOf(theme));
}

Theme themeInUse() { return inUse; }

void ToneLabel::say(const QString& text, Tone tone) {
  tone_ = tone;
  paintTone();
  setText(text);
}

void ToneLabel::paintTone() {
  if (palette().color(QPalette::WindowText) == colourOf(tone_)) return;
  QPalette own;
  own.setColor(QPalette::WindowText, colourOf(tone_));
  setPalette(own);
}

void ToneLabel::changeEvent(QEvent* event) {
  QLabel::changeEvent(event);
  if (event->type() == QEvent::ApplicationPaletteChange || event->type() == QEvent::PaletteChange) paintTone();
}

namespace {

class Style final : public QProxyStyle {
 public:
  Style() : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion"))) {}

  void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                     const QWidget* widget) const override {
    QProxyStyle::drawPrimitive(element, option, painter, widget);
    const bool field = element == PE_FrameLineEdit || element == PE_Frame;
    if (!field && element != PE_IndicatorCheckBox && element != PE_PanelButtonCommand) return;
    const auto* frame = qstyleoption_cast<const QStyleOptionFrame*>(option);
    if (field && (frame == nullptr || frame->lineWidth < 1)) return;
    const bool focus = element != PE_IndicatorCheckBox && (option->state & State_HasFocus) != 0;
    painter->save();
    painter->setBrush(Qt::NoBrush);
    painter->setPen(QPen(option->palette.color(focus ? QPalette::Highlight : QPalette::Mid), focus ? 2 : 1));
    painter->drawRect(option->rect.adjusted(0, 0, -1, -1));
    painter->restore();
  }
};

}  // namespace

void useStyle() { QApplication::setStyle(new Style); }

QColor colourOf(Tone tone) { return {coloursOf(inUse).tones[static_cast<std::size_t>(tone)]}; }

double contrast(const QColor& a, const QColor& b) {
  const double first = luminance(a), second = luminance(b);
  return (std::max(first, second) + 0.05) / (std::min(first, second) + 0.05);
}

}  // namespace dvpe::studio
