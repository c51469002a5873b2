// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A condition as rows: "all of", "any of" and "not" have rows below them, everything else is one row with its text.
// The tree is a view of the text: each change here becomes a new text, which is read again. GUI thread.
#pragma once

#include <QAbstractItemModel>
#include <QHash>
#include <map>
#include <optional>

#include "shared/rules/condition.h"

namespace dvpe::studio {

class ConditionModel : public QAbstractItemModel {
  Q_OBJECT
 public:
  enum Column { kPart, kVerdict, kColumns };
  // Of an index: the node's id, which stays while the text is edited elsewhere.
  static constexpr int kIdRole = Qt::UserRole;

  using QAbstractItemModel::QAbstractItemModel;

  // A condition without mistakes. Rows that stay what they were keep their place in views.
  void setTree(rules::Node root);
  const rules::Node& tree() const { return root_; }
  // What each part is for a viewer; nothing: no column of verdicts to speak of.
  void setVerdicts(const std::optional<rules::Explanation>& explanation);

  // Changes. Each emits edited() with the new text; the caller reads it and gives the tree back. False: it cannot be.
  bool add(const QModelIndex& at);             // one more beside it; below it, when it is a group
  bool addAlternative(const QModelIndex& at);  // "any of": this, or another
  bool remove(const QModelIndex& at);
  bool move(const QModelIndex& at, int by);  // among its siblings
  bool negate(const QModelIndex& at);
  bool turn(const QModelIndex& at);  // "all of" <-> "any of"
  bool replace(const QModelIndex& at, const QString& text);

  const rules::Node* nodeAt(const QModelIndex& index) const;
  QModelIndex indexOf(std::uint32_t id) const;
  static bool isGroup(const rules::Node& node);

  QModelIndex index(int row, int column, const QModelIndex& parent = {}) const override;
  QModelIndex parent(const QModelIndex& child) const override;
  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& = {}) const override { return kColumns; }
  QVariant data(const QModelIndex& index, int role) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 signals:
  void edited(const QString& text);
  // A row's text that cannot be read, and why.
  void mistaken(const QString& why);

 private:
  // Where a node is: the numbers of the children on the way from the root.
  using Path = std::vector<std::size_t>;
  Path pathOf(const QModelIndex& index) const;
  static rules::Node* at(rules::Node& root, const Path& path);
  bool change(const rules::Node& root);
  void reindex();
  void collect(const rules::Explanation& of, std::map<std::uint32_t, const rules::Explanation*>& out);
  void lookUp(const rules::Explanation& of);

  rules::Node root_;
  std::map<const rules::Node*, std::pair<const rules::Node*, int>> parents_;  // and the row there
  struct Told {
    rules::Verdict verdict = rules::Verdict::kUnknown;
    QString reason;
  };
  std::map<std::uint32_t, Told> told_;
  bool tells_ = false;
};

// "viewer.age >= 18" in a person's words where there are some: "viewer.age is at least 18".
QString inWords(const rules::Node& node);

}  // namespace dvpe::studio
