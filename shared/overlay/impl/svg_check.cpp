// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "shared/overlay/impl/svg_check.h"

#include <QXmlStreamReader>
#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace dvpe::overlay::impl {
namespace {

constexpr int kMaxElements = 20000;
constexpr int kMaxDepth = 64;
constexpr std::int64_t kMaxDrawn = 50000;  // elements once <use> is expanded
constexpr qsizetype kMaxAttribute = 1 << 20;

const std::set<QString>& forbidden() {
  static const std::set<QString> names = {
      "script", "foreignObject", "image",   "video",         "audio",         "iframe",
      "a",      "handler",       "animate", "animateColor",  "animateMotion", "animateTransform",
      "set",    "discard",       "mpath",   "font-face-uri", "filter"};
  return names;
}

// Whether every url() of a style value points into the document, and nothing is imported.
bool staysInside(const QString& value) {
  if (value.contains("@import", Qt::CaseInsensitive) || value.contains(u'\\')) return false;
  qsizetype at = 0;
  while ((at = value.indexOf("url(", at, Qt::CaseInsensitive)) >= 0) {
    at += 4;
    while (at < value.size() && (value[at].isSpace() || value[at] == u'"' || value[at] == u'\'')) ++at;
    if (at >= value.size() || value[at] != u'#') return false;
  }
  return true;
}

// Walks the document once, counting elements below each id so that the cost of <use> is known before it is paid.
class Checker {
 public:
  explicit Checker(const std::string& bytes) : reader_(QByteArray(bytes.data(), static_cast<qsizetype>(bytes.size()))) {
    reader_.setEntityExpansionLimit(64);
  }

  base::Result<void> run() {
    while (!reader_.atEnd()) {
      switch (reader_.readNext()) {
        case QXmlStreamReader::StartElement: {
          DVPE_CHECK(start());
          break;
        }
        case QXmlStreamReader::EndElement: {
          DVPE_CHECK(checkStyle());
          end();
          break;
        }
        case QXmlStreamReader::DTD:
          return unsupported("a document type");
        case QXmlStreamReader::EntityReference:
          return unsupported("an entity");
        case QXmlStreamReader::ProcessingInstruction:
          return unsupported("a processing instruction");
        case QXmlStreamReader::Characters:
          if (inStyle_) style_ += reader_.text();
          break;
        default:
          break;
      }
    }
    if (reader_.hasError()) {
      return base::fail(base::ErrorCode::kInvalidInput,
                        "the SVG is not well formed, at line " + std::to_string(reader_.lineNumber()));
    }
    return checkUses();
  }

 private:
  struct Open {
    QString id;
    std::int64_t elements = 1;
    bool hasUse = false;
  };

  static base::Result<void> unsupported(const std::string& what) {
    return base::fail(base::ErrorCode::kUnsupported, "an SVG may not contain " + what);
  }

  base::Result<void> start() {
    const QString name = reader_.name().toString();
    if (open_.empty() && name != "svg") return base::fail(base::ErrorCode::kInvalidInput, "the file is not an SVG");
    if (++elements_ > kMaxElements) return base::fail(base::ErrorCode::kLimitExceeded, "the SVG has too many elements");
    if (open_.size() >= kMaxDepth) return base::fail(base::ErrorCode::kLimitExceeded, "the SVG is nested too deeply");
    if (forbidden().contains(name)) return unsupported("<" + name.toStdString() + ">");
    DVPE_CHECK(checkStyle());
    inStyle_ = name == "style";
    Open element;
    const auto attributes = reader_.attributes();
    for (const auto& attribute : attributes) {
      DVPE_CHECK(check(name, attribute, element));
    }
    if (name == "use") {
      element.hasUse = true;
      for (Open& parent : open_) parent.hasUse = true;
    }
    open_.push_back(std::move(element));
    return base::success();
  }

  base::Result<void> check(const QString& element, const QXmlStreamAttribute& attribute, Open& open) {
    const QString name = attribute.name().toString(), value = attribute.value().toString();
    if (value.size() > kMaxAttribute)
      return base::fail(base::ErrorCode::kLimitExceeded, "an SVG attribute is too long");
    if (name == "id") open.id = value;
    if (name == "href" || name == "src") {
      if (!value.startsWith(u'#')) return unsupported("a reference to another file");
      if (element == "use") uses_.push_back(value.mid(1));
    }
    if (name.startsWith("on")) return unsupported("a script");
    // A dash far shorter than a pixel would be drawn a million times.
    if (name == "stroke-dasharray" || value.contains("stroke-dasharray")) {
      if (value != "none") return unsupported("a dashed line");
    }
    if (!staysInside(value)) return unsupported("a reference to another file");
    return base::success();
  }

  // The rules of a <style>, once they are whole: they may come in pieces.
  base::Result<void> checkStyle() {
    const bool fine = staysInside(style_) && !style_.contains("stroke-dasharray");
    style_.clear();
    inStyle_ = false;
    return fine ? base::Result<void>(base::success()) : unsupported("a style that refers outside or dashes lines");
  }

  void end() {
    const Open done = std::move(open_.back());
    open_.pop_back();
    if (!open_.empty()) open_.back().elements += done.elements;
    if (done.id.isEmpty()) return;
    Open& known = byId_[done.id];  // of several with one id, the worst
    known.elements = std::max(known.elements, done.elements);
    known.hasUse |= done.hasUse;
  }

  base::Result<void> checkUses() const {
    std::int64_t drawn = elements_;
    for (const QString& target : uses_) {
      const auto found = byId_.find(target);
      if (found == byId_.end()) continue;
      if (found->second.hasUse) return unsupported("a <use> of something that holds a <use>");
      drawn += found->second.elements;
    }
    if (drawn > kMaxDrawn) return base::fail(base::ErrorCode::kLimitExceeded, "the SVG draws too many elements");
    return base::success();
  }

  QXmlStreamReader reader_;
  std::vector<Open> open_;
  std::map<QString, Open> byId_;
  std::vector<QString> uses_;
  int elements_ = 0;
  bool inStyle_ = false;
  QString style_;
};

}  // namespace

base::Result<void> checkSvg(const std::string& bytes) { return Checker(bytes).run(); }

}  // namespace dvpe::overlay::impl
