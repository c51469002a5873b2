// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/impl/text_layer.h"

#include <QFont>
#include <QGlyphRun>
#include <QImage>
#include <QPainter>
#include <QRawFont>
#include <QTextBoundaryFinder>
#include <QTextLayout>
#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <vector>

namespace dvpe::overlay::impl {
namespace {

// A font for what the text's own font lacks.
struct Fallback {
  QChar::Script script;
  const char* sans;
  const char* serif;
};

// In this order, so that which font a character comes from depends on the text alone, never on the host.
constexpr Fallback kFallbacks[] = {
    {QChar::Script_Arabic, "Noto Sans Arabic", "Noto Naskh Arabic"},
    {QChar::Script_Hebrew, "Noto Sans Hebrew", "Noto Serif Hebrew"},
    {QChar::Script_Devanagari, "Noto Sans Devanagari", "Noto Serif Devanagari"},
    {QChar::Script_Bengali, "Noto Sans Bengali", nullptr},
    {QChar::Script_Tamil, "Noto Sans Tamil", nullptr},
    {QChar::Script_Telugu, "Noto Sans Telugu", nullptr},
    {QChar::Script_Gujarati, "Noto Sans Gujarati", nullptr},
    {QChar::Script_Kannada, "Noto Sans Kannada", nullptr},
    {QChar::Script_Malayalam, "Noto Sans Malayalam", nullptr},
    {QChar::Script_Gurmukhi, "Noto Sans Gurmukhi", nullptr},
    {QChar::Script_Sinhala, "Noto Sans Sinhala", nullptr},
    {QChar::Script_Thai, "Noto Sans Thai", nullptr},
    {QChar::Script_Lao, "Noto Sans Lao", nullptr},
    {QChar::Script_Khmer, "Noto Sans Khmer", nullptr},
    {QChar::Script_Myanmar, "Noto Sans Myanmar", nullptr},
    {QChar::Script_Georgian, "Noto Sans Georgian", nullptr},
    {QChar::Script_Armenian, "Noto Sans Armenian", nullptr},
    {QChar::Script_Ethiopic, "Noto Sans Ethiopic", nullptr},
};

// The families for a text, the first that has a character wins. Only those of scripts that occur: Qt tries every one of
// them for every run.
QStringList families(const std::string& font, const QString& text) {
  std::set<QChar::Script> scripts;
  for (const uint character : text.toUcs4()) scripts.insert(QChar::script(character));
  QStringList list{font == "serif" ? "Noto Serif" : font == "mono" ? "DejaVu Sans Mono" : "Noto Sans"};
  for (const Fallback& fallback : kFallbacks) {
    if (!scripts.contains(fallback.script)) continue;
    list += QString::fromLatin1(font == "serif" && fallback.serif ? fallback.serif : fallback.sans);
  }
  return list + QStringList{"Droid Sans Fallback", "Noto Sans Symbols2"};
}

QFont fontOf(const TextStyle& style, const QString& text, int pixelSize) {
  QFont font;
  font.setFamilies(families(style.font, text));
  font.setPixelSize(pixelSize);
  font.setWeight(style.weight >= 600 ? QFont::Bold : QFont::Normal);
  font.setHintingPreference(QFont::PreferNoHinting);
  font.setStyleStrategy(static_cast<QFont::StyleStrategy>(QFont::PreferAntialias | QFont::NoSubpixelAntialias));
  font.setKerning(true);
  return font;
}

// -1, 0, 1 for left, centre, right; and the same for top, centre, bottom.
int horizontal(model::Anchor a) { return static_cast<int>(a) % 3 - 1; }
int vertical(model::Anchor a) { return static_cast<int>(a) / 3 - 1; }

// A text at one size: its lines, where each goes, and the pixels that they touch.
class Setting {
 public:
  Setting(const QString& text, const TextStyle& style, int pixelSize, int width, int height) {
    QString lines = text;
    lines.replace(u'\n', QChar::LineSeparator);
    layout_ = std::make_unique<QTextLayout>(lines, fontOf(style, lines, pixelSize));
    QTextOption option(Qt::AlignLeft | Qt::AlignAbsolute);
    option.setTextDirection(Qt::LayoutDirectionAuto);
    option.setWrapMode(QTextOption::WordWrap);
    layout_->setTextOption(option);
    breakLines(width);
    place(style.align, width, height);
  }

  bool fits(int width, int height) const { return ink_.width() <= width && ink_.height() <= height; }
  QRectF ink() const { return ink_; }

  void draw(QPainter& painter) const { layout_->draw(&painter, shift_); }

 private:
  void breakLines(int width) {
    layout_->beginLayout();
    qreal y = 0;
    for (QTextLine line = layout_->createLine(); line.isValid(); line = layout_->createLine()) {
      line.setLineWidth(width);
      line.setPosition(QPointF(0, y));
      y += line.height();
    }
    layout_->endLayout();
    height_ = y;
  }

  QRectF inkOf(const QTextLine& line) const {
    QRectF ink;
    for (const QGlyphRun& run : line.glyphRuns()) {
      const QRawFont font = run.rawFont();
      const auto glyphs = run.glyphIndexes();
      const auto positions = run.positions();
      for (qsizetype i = 0; i < glyphs.size(); ++i) {
        const QRectF box = font.boundingRect(glyphs[i]);
        if (!box.isEmpty()) ink |= box.translated(positions[i]);
      }
    }
    return ink;
  }

  // Lines stand by their font's metrics, so that a baseline does not move with the letters; ink that would leave the
  // box is moved back into it.
  void place(model::Anchor align, int width, int height) {
    const int h = horizontal(align), v = vertical(align);
    for (int i = 0; i < layout_->lineCount(); ++i) {
      QTextLine line = layout_->lineAt(i);
      const qreal room = width - line.naturalTextWidth();
      qreal x = h < 0 ? 0 : h == 0 ? room / 2 : room;
      // A line whose direction is right to left may begin at the right edge already.
      x -= line.naturalTextRect().left() - line.position().x();
      line.setPosition(QPointF(x, line.position().y()));
      const QRectF ink = inkOf(line);
      const qreal left = ink.left(), right = ink.right();
      if (!ink.isEmpty() && right - left <= width) {
        x += left < 0 ? -left : right > width ? width - right : 0;
        line.setPosition(QPointF(x, line.position().y()));
      }
      ink_ |= inkOf(line);
    }
    qreal y = v < 0 ? 0 : v == 0 ? (height - height_) / 2 : height - height_;
    if (!ink_.isEmpty() && ink_.height() <= height) {
      if (ink_.top() + y < 0) y = -ink_.top();
      if (ink_.bottom() + y > height) y = height - ink_.bottom();
    }
    shift_ = QPointF(0, y);
  }

  std::unique_ptr<QTextLayout> layout_;
  QRectF ink_;
  QPointF shift_;
  qreal height_ = 0;
};

// The longest beginning that fits with an ellipsis behind it, cut between what people see as characters.
QString elided(const QString& text, const TextStyle& style, int pixelSize, int width, int height) {
  std::vector<qsizetype> ends;
  QTextBoundaryFinder finder(QTextBoundaryFinder::Grapheme, text);
  for (qsizetype at = finder.toNextBoundary(); at >= 0; at = finder.toNextBoundary()) ends.push_back(at);
  const auto candidate = [&](std::size_t n) {
    return (n == 0 ? QString() : text.left(ends[n - 1]).trimmed()) + QChar(0x2026);
  };
  std::size_t low = 0, high = ends.size();
  while (low < high) {
    const std::size_t middle = (low + high + 1) / 2;
    if (Setting(candidate(middle), style, pixelSize, width, height).fits(width, height)) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return candidate(low);
}

}  // namespace

bool knownFont(const std::string& font) { return font == "sans" || font == "serif" || font == "mono"; }

Mask textMask(const QString& text, const TextStyle& style, int width, int height) {
  Mask mask(width, height);
  if (text.trimmed().isEmpty()) return mask;
  const int smallest = std::min(style.pixelSize, std::max(8, style.pixelSize / 2));
  // The largest size that fits; whether a smaller one fits is not quite monotone where lines break, but the answer is
  // always one that fits, and always the same.
  int low = smallest, high = style.pixelSize;
  if (!Setting(text, style, high, width, height).fits(width, height)) {
    --high;
    while (low < high) {
      const int middle = (low + high + 1) / 2;
      if (Setting(text, style, middle, width, height).fits(width, height)) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
  } else {
    low = high;
  }
  auto setting = std::make_unique<Setting>(text, style, low, width, height);
  if (!setting->fits(width, height)) {
    setting = std::make_unique<Setting>(elided(text, style, low, width, height), style, low, width, height);
  }
  QImage image(width, height, QImage::Format_ARGB32_Premultiplied);
  image.fill(0);
  QPainter painter(&image);
  painter.setRenderHints(QPainter::Antialiasing | QPainter::TextAntialiasing);
  painter.setPen(Qt::white);
  setting->draw(painter);
  painter.end();
  for (int y = 0; y < height; ++y) {
    const auto* in = reinterpret_cast<const std::uint32_t*>(image.constScanLine(y));
    std::uint8_t* out = mask.row(y);
    for (int x = 0; x < width; ++x) out[x] = static_cast<std::uint8_t>(alphaOf(in[x]));
  }
  return mask;
}

}  // namespace dvpe::overlay::impl
