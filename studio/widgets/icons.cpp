// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/widgets/icons.h"

#include <QApplication>
#include <QIconEngine>
#include <QPainter>
#include <QPixmap>
#include <QSvgRenderer>
#include <memory>
#include <optional>

// Not in a namespace: the macro declares a function of that scope. A static library's resources do not come by
// themselves.
static void useIcons() { Q_INIT_RESOURCE(icons); }

namespace dvpe::studio {

namespace {

class Mask final : public QIconEngine {
 public:
  Mask(const QString& name, std::optional<Tone> tone)
      : renderer_(std::make_shared<QSvgRenderer>(QStringLiteral(":/icons/%1.svg").arg(name))), tone_(tone) {}

  void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
    const qreal ratio = painter->device()->devicePixelRatioF();
    QPixmap pixmap(rect.size() * ratio);
    pixmap.fill(Qt::transparent);
    {
      QPainter paints(&pixmap);
      renderer_->render(&paints);
      paints.setCompositionMode(QPainter::CompositionMode_SourceIn);
      paints.fillRect(pixmap.rect(), colour(mode));
    }
    painter->drawPixmap(rect, pixmap);
  }
  QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
    QPixmap out(size);
    out.fill(Qt::transparent);
    QPainter painter(&out);
    paint(&painter, QRect(QPoint(0, 0), size), mode, state);
    return out;
  }
  QIconEngine* clone() const override { return new Mask(*this); }

 private:
  QColor colour(QIcon::Mode mode) const {
    const QPalette palette = QApplication::palette();
    if (mode == QIcon::Disabled) return palette.color(QPalette::Disabled, QPalette::ButtonText);
    if (mode == QIcon::Selected) return palette.color(QPalette::HighlightedText);
    return tone_ ? colourOf(*tone_) : palette.color(QPalette::ButtonText);
  }

  std::shared_ptr<QSvgRenderer> renderer_;
  std::optional<Tone> tone_;
};

}  // namespace

QIcon icon(const QString& name) {
  useIcons();
  return QIcon(new Mask(name, std::nullopt));
}

QIcon icon(const QString& name, Tone tone) {
  useIcons();
  return QIcon(new Mask(name, tone));
}

}  // namespace dvpe::studio
