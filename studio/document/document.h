// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// One document being written: its JSON, and what was done to it. Everything that is not touched stays as it is, also
// what this studio does not know. GUI thread.
#pragma once

#include <QObject>
#include <QUndoStack>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>

namespace dvpe::studio {

class Document : public QObject {
  Q_OBJECT
 public:
  // contents: {"kind", "id", "organisation", "revision", "body"}. baseRevision: the signed revision that it was made
  // from; 0: none. version: of this person's draft in the database; 0: none. drafted: the contents are that draft's,
  // not the revision's.
  Document(boost::json::object contents, int baseRevision, int version, bool drafted, QObject* parent = nullptr);

  QString kind() const { return text("kind"); }
  QString id() const { return text("id"); }
  int baseRevision() const { return baseRevision_; }
  int version() const { return version_; }
  bool drafted() const { return drafted_; }
  const boost::json::value& contents() const { return contents_; }
  // As a draft is stored: of the revision after the one that it was made from.
  std::string draft() const;

  // At an RFC 6901 pointer below the document ("/body/rules/3/when"); null: there is nothing.
  const boost::json::value* at(std::string_view pointer) const;

  // Changes, each of which can be undone. title: as the list of what was done calls it. Changes of one place that
  // follow each other within two seconds are one when `merge` is set: typing.
  void set(const std::string& pointer, boost::json::value value, const QString& title, bool merge = false);
  // In a list.
  void insert(const std::string& list, std::size_t place, boost::json::value value, const QString& title);
  void remove(const std::string& list, std::size_t place, const QString& title);
  void move(const std::string& list, std::size_t from, std::size_t to, const QString& title);

  QUndoStack& undo() { return undo_; }
  // It differs from what the database has.
  bool unsaved() const { return !undo_.isClean(); }
  // The database has it as it is now, under this version.
  void saved(int version);
  // What was written before a crash takes the place of what was read; can be undone.
  void restore(boost::json::value contents);

 signals:
  // list: elements came, went or moved in the list at `pointer`; else the value there is another.
  void changed(const std::string& pointer, bool list);

 private:
  class Command;
  class Set;
  class Splice;
  QString text(std::string_view key) const;
  boost::json::value* find(std::string_view pointer);

  boost::json::value contents_;
  int baseRevision_, version_;
  bool drafted_;
  QUndoStack undo_;
};

}  // namespace dvpe::studio
