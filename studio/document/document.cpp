// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/document/document.h"

#include <QElapsedTimer>
#include <QUndoCommand>
#include <boost/json/serialize.hpp>
#include <functional>

namespace dvpe::studio {

namespace json = boost::json;

namespace {
constexpr qint64 kTyping = 2000;  // ms
}  // namespace

// A value at a place.
class Document::Set final : public QUndoCommand {
 public:
  Set(Document& document, std::string pointer, json::value value, const QString& title, bool merge)
      : QUndoCommand(title),
        document_(document),
        pointer_(std::move(pointer)),
        after_(std::move(value)),
        merge_(merge) {
    if (const json::value* before = document_.at(pointer_)) before_ = *before;
    clock_.start();
  }
  void redo() override { put(after_); }
  void undo() override { put(before_); }
  int id() const override { return merge_ ? 1 + static_cast<int>(std::hash<std::string>{}(pointer_)&0xFFFFFF) : -1; }
  bool mergeWith(const QUndoCommand* other) override {
    const auto* next = static_cast<const Set*>(other);
    if (next->pointer_ != pointer_ || clock_.elapsed() > kTyping) return false;
    after_ = next->after_;
    clock_.restart();
    if (before_ && *before_ == *after_) setObsolete(true);
    return true;
  }

 private:
  void put(const std::optional<json::value>& value) {
    const std::size_t slash = pointer_.rfind('/');
    const std::string key = pointer_.substr(slash + 1);
    json::value* in = document_.find(std::string_view(pointer_).substr(0, slash));
    if (pointer_.empty()) {
      document_.contents_ = *value;
    } else if (in != nullptr && in->is_object()) {
      if (value) {
        in->get_object()[key] = *value;
      } else {
        in->get_object().erase(key);
      }
    } else if (json::value* there = document_.find(pointer_); there != nullptr && value) {
      *there = *value;
    }
    emit document_.changed(pointer_, false);
  }

  Document& document_;
  const std::string pointer_;
  std::optional<json::value> before_, after_;
  const bool merge_;
  QElapsedTimer clock_;
};

// Elements of a list: one goes, one comes, or both.
class Document::Splice final : public QUndoCommand {
 public:
  Splice(Document& document, std::string list, std::optional<std::size_t> from, std::optional<std::size_t> to,
         json::value value, const QString& title)
      : QUndoCommand(title),
        document_(document),
        list_(std::move(list)),
        from_(from),
        to_(to),
        value_(std::move(value)) {}
  void redo() override { apply(from_, to_); }
  void undo() override { apply(to_, from_); }

 private:
  void apply(std::optional<std::size_t> from, std::optional<std::size_t> to) {
    json::value* found = document_.find(list_);
    if (found == nullptr || !found->is_array()) return;
    json::array& list = found->get_array();
    if (from) list.erase(list.begin() + static_cast<std::ptrdiff_t>(*from));
    if (to) list.insert(list.begin() + static_cast<std::ptrdiff_t>(*to), value_);
    emit document_.changed(list_, true);
  }

  Document& document_;
  const std::string list_;
  const std::optional<std::size_t> from_, to_;
  const json::value value_;
};

Document::Document(json::object contents, int baseRevision, int version, bool drafted, QObject* parent)
    : QObject(parent),
      contents_(std::move(contents)),
      baseRevision_(baseRevision),
      version_(version),
      drafted_(drafted) {}

QString Document::text(std::string_view key) const {
  const json::value* found = contents_.get_object().if_contains(key);
  return found != nullptr && found->is_string()
             ? QString::fromUtf8(found->get_string().data(), static_cast<qsizetype>(found->get_string().size()))
             : QString();
}

const json::value* Document::at(std::string_view pointer) const {
  boost::system::error_code error;
  return contents_.find_pointer(pointer, error);
}

json::value* Document::find(std::string_view pointer) {
  boost::system::error_code error;
  return contents_.find_pointer(pointer, error);
}

std::string Document::draft() const {
  json::value out = contents_;
  out.get_object()["revision"] = baseRevision_ + 1;
  return json::serialize(out);
}

void Document::set(const std::string& pointer, json::value value, const QString& title, bool merge) {
  if (const json::value* before = at(pointer); before != nullptr && *before == value) return;
  undo_.push(new Set(*this, pointer, std::move(value), title, merge));
}

void Document::insert(const std::string& list, std::size_t place, json::value value, const QString& title) {
  undo_.push(new Splice(*this, list, std::nullopt, place, std::move(value), title));
}

void Document::remove(const std::string& list, std::size_t place, const QString& title) {
  const json::value* found = at(list + "/" + std::to_string(place));
  if (found != nullptr) undo_.push(new Splice(*this, list, place, std::nullopt, *found, title));
}

void Document::move(const std::string& list, std::size_t from, std::size_t to, const QString& title) {
  const json::value* found = at(list + "/" + std::to_string(from));
  if (found != nullptr && from != to) undo_.push(new Splice(*this, list, from, to, *found, title));
}

void Document::saved(int version) {
  version_ = version;
  drafted_ = true;
  undo_.setClean();
}

void Document::restore(json::value contents) {
  undo_.push(new Set(*this, "", std::move(contents), tr("restore what was not saved"), false));
}

}  // namespace dvpe::studio
