// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/widgets/condition_model.h"

#include <algorithm>

#include "studio/widgets/icons.h"

namespace dvpe::studio {

using rules::Node;
using rules::NodeKind;
using rules::Verdict;

namespace {

QString textOf(const Node& node) { return QString::fromStdString(rules::print(node)); }

QString wordOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kTrue:
      return ConditionModel::tr("true");
    case Verdict::kFalse:
      return ConditionModel::tr("false");
    case Verdict::kUnknown:
      return ConditionModel::tr("unknown");
    case Verdict::kError:
      return ConditionModel::tr("error");
  }
  return {};
}

QIcon iconOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kTrue:
      return icon(QStringLiteral("true"), Tone::kGood);
    case Verdict::kFalse:
      return icon(QStringLiteral("false"), Tone::kBad);
    case Verdict::kUnknown:
    case Verdict::kError:
      break;
  }
  return icon(QStringLiteral("unknown"), Tone::kWarning);
}

Node always() {
  Node out;
  out.kind = NodeKind::kLiteral;
  out.literal = true;
  return out;
}

Node group(NodeKind kind, std::vector<Node> of) {
  Node out;
  out.kind = kind;
  out.children = std::move(of);
  return out;
}

// A group in a group of its kind is one with it, unless somebody has written something about it.
Node flat(Node node) {
  std::vector<Node> children;
  for (Node& child : node.children) {
    Node each = flat(std::move(child));
    const bool same = each.kind == node.kind && (node.kind == NodeKind::kAnd || node.kind == NodeKind::kOr) &&
                      each.before.empty() && each.after.empty();
    if (same) {
      std::move(each.children.begin(), each.children.end(), std::back_inserter(children));
    } else {
      children.push_back(std::move(each));
    }
  }
  node.children = std::move(children);
  return node;
}

// The same shape: a view can keep what it shows of it.
bool alike(const Node& a, const Node& b) {
  if (a.id != b.id || ConditionModel::isGroup(a) != ConditionModel::isGroup(b)) return false;
  if (!ConditionModel::isGroup(a)) return true;
  return std::equal(a.children.begin(), a.children.end(), b.children.begin(), b.children.end(), alike);
}

}  // namespace

QString inWords(const Node& node) {
  static const std::map<NodeKind, QString> kWords{{NodeKind::kEqual, ConditionModel::tr("is")},
                                                  {NodeKind::kNotEqual, ConditionModel::tr("is not")},
                                                  {NodeKind::kLess, ConditionModel::tr("is less than")},
                                                  {NodeKind::kLessEqual, ConditionModel::tr("is at most")},
                                                  {NodeKind::kGreater, ConditionModel::tr("is more than")},
                                                  {NodeKind::kGreaterEqual, ConditionModel::tr("is at least")},
                                                  {NodeKind::kIn, ConditionModel::tr("is one of")}};
  const auto word = kWords.find(node.kind);
  if (word == kWords.end() || node.children.size() != 2 || node.children[0].kind != NodeKind::kField) {
    return textOf(node);
  }
  QString value = textOf(node.children[1]);
  if (node.kind == NodeKind::kIn && node.children[1].kind == NodeKind::kList) value = value.mid(1, value.size() - 2);
  return QString::fromStdString(node.children[0].name) + QLatin1Char(' ') + word->second + QLatin1Char(' ') + value;
}

bool ConditionModel::isGroup(const Node& node) {
  return node.kind == NodeKind::kAnd || node.kind == NodeKind::kOr || node.kind == NodeKind::kNot;
}

void ConditionModel::setTree(Node root) {
  if (!parents_.empty() && alike(root_, root)) {
    // Indexes name nodes by address: those that views hold are moved to the nodes that took their place.
    emit layoutAboutToBeChanged();
    const QModelIndexList before = persistentIndexList();
    std::vector<Path> paths;
    paths.reserve(static_cast<std::size_t>(before.size()));
    for (const QModelIndex& each : before) paths.push_back(pathOf(each));
    root_ = std::move(root);
    reindex();
    QModelIndexList after;
    for (int i = 0; i < before.size(); ++i) {
      const Node* node = at(root_, paths[static_cast<std::size_t>(i)]);
      after.append(node ? createIndex(before[i].row(), before[i].column(), node) : QModelIndex());
    }
    changePersistentIndexList(before, after);
    emit layoutChanged();
    return;
  }
  beginResetModel();
  root_ = std::move(root);
  reindex();
  endResetModel();
}

void ConditionModel::reindex() {
  parents_.clear();
  parents_[&root_] = {nullptr, 0};
  std::vector<const Node*> open{&root_};
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    if (!isGroup(*node)) continue;
    for (std::size_t i = 0; i < node->children.size(); ++i) {
      parents_[&node->children[i]] = {node, static_cast<int>(i)};
      open.push_back(&node->children[i]);
    }
  }
}

void ConditionModel::lookUp(const rules::Explanation& of) {
  told_[of.id] = {of.verdict, QString::fromStdString(of.reason)};
  for (const rules::Explanation& child : of.children) lookUp(child);
}

void ConditionModel::setVerdicts(const std::optional<rules::Explanation>& explanation) {
  told_.clear();
  tells_ = explanation.has_value();
  if (explanation) lookUp(*explanation);
  for (const auto& [node, place] : parents_) {
    const QModelIndex changed = createIndex(place.second, kVerdict, node);
    emit dataChanged(changed, changed, {Qt::DisplayRole, Qt::DecorationRole, Qt::ToolTipRole});
  }
}

// ---- as rows

const Node* ConditionModel::nodeAt(const QModelIndex& index) const {
  return index.isValid() ? static_cast<const Node*>(index.constInternalPointer()) : nullptr;
}

QModelIndex ConditionModel::index(int row, int column, const QModelIndex& parent) const {
  if (row < 0 || column < 0 || column >= kColumns || parents_.empty()) return {};
  if (!parent.isValid()) return row == 0 ? createIndex(0, column, &root_) : QModelIndex();
  const Node* node = nodeAt(parent);
  if (parent.column() != kPart || !isGroup(*node) || row >= static_cast<int>(node->children.size())) return {};
  return createIndex(row, column, &node->children[static_cast<std::size_t>(row)]);
}

QModelIndex ConditionModel::parent(const QModelIndex& child) const {
  const auto found = parents_.find(nodeAt(child));
  if (found == parents_.end() || found->second.first == nullptr) return {};
  const Node* above = found->second.first;
  return createIndex(parents_.at(above).second, kPart, above);
}

int ConditionModel::rowCount(const QModelIndex& parent) const {
  if (parents_.empty()) return 0;
  if (!parent.isValid()) return 1;
  const Node* node = nodeAt(parent);
  return parent.column() == kPart && isGroup(*node) ? static_cast<int>(node->children.size()) : 0;
}

QModelIndex ConditionModel::indexOf(std::uint32_t id) const {
  for (const auto& [node, place] : parents_) {
    if (node->id == id) return createIndex(place.second, kPart, node);
  }
  return {};
}

QVariant ConditionModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
  return section == kPart ? tr("Condition") : tr("For this person");
}

Qt::ItemFlags ConditionModel::flags(const QModelIndex& index) const {
  Qt::ItemFlags out = QAbstractItemModel::flags(index);
  const Node* node = nodeAt(index);
  if (node != nullptr && index.column() == kPart && !isGroup(*node)) out |= Qt::ItemIsEditable;
  return out;
}

QVariant ConditionModel::data(const QModelIndex& index, int role) const {
  const Node* node = nodeAt(index);
  if (node == nullptr) return {};
  if (role == kIdRole) return node->id;
  const auto told = told_.find(node->id);
  const bool known = tells_ && told != told_.end();
  if (index.column() == kVerdict) {
    if (!known) return {};
    if (role == Qt::DisplayRole) return wordOf(told->second.verdict);
    if (role == Qt::DecorationRole) return iconOf(told->second.verdict);
    if (role == Qt::ToolTipRole) return told->second.reason;
    return {};
  }
  switch (role) {
    case Qt::DisplayRole:
      switch (node->kind) {
        case NodeKind::kAnd:
          return tr("all of");
        case NodeKind::kOr:
          return tr("any of");
        case NodeKind::kNot:
          return tr("not");
        default:
          return inWords(*node);
      }
    case Qt::EditRole:
      return textOf(*node);
    case Qt::AccessibleTextRole:
      return known ? tr("%1: %2").arg(data(index, Qt::DisplayRole).toString(), wordOf(told->second.verdict))
                   : data(index, Qt::DisplayRole);
    default:
      return {};
  }
}

bool ConditionModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  return role == Qt::EditRole && replace(index, value.toString());
}

// ---- changes

ConditionModel::Path ConditionModel::pathOf(const QModelIndex& index) const {
  Path out;
  for (QModelIndex each = index; each.isValid() && each.parent().isValid(); each = each.parent()) {
    out.push_back(static_cast<std::size_t>(each.row()));
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Node* ConditionModel::at(Node& root, const Path& path) {
  Node* node = &root;
  for (const std::size_t step : path) {
    if (step >= node->children.size()) return nullptr;
    node = &node->children[step];
  }
  return node;
}

bool ConditionModel::change(const Node& root) {
  emit edited(textOf(flat(root)));
  return true;
}

bool ConditionModel::replace(const QModelIndex& index, const QString& text) {
  const rules::Parsed parsed = rules::parse(text.toStdString());
  if (!parsed.mistakes.empty()) {
    emit mistaken(QString::fromStdString(rules::describe(parsed.mistakes.front())));
    return false;
  }
  Node root = root_;
  Node* node = at(root, pathOf(index));
  if (node == nullptr || rules::sameTree(*node, parsed.root)) return false;
  Node fresh = parsed.root;
  fresh.before = node->before;
  fresh.after = node->after;
  *node = std::move(fresh);
  return change(root);
}

bool ConditionModel::add(const QModelIndex& index) {
  Node root = root_;
  Path path = pathOf(index);
  Node* node = at(root, path);
  if (!index.isValid() || node == nullptr) return false;
  if (node->kind == NodeKind::kAnd || node->kind == NodeKind::kOr) {
    node->children.push_back(always());
    return change(root);
  }
  if (!path.empty()) {
    const std::size_t row = path.back();
    path.pop_back();
    Node* above = at(root, path);
    if (above->kind != NodeKind::kNot) {
      above->children.insert(above->children.begin() + static_cast<std::ptrdiff_t>(row) + 1, always());
      return change(root);
    }
  }
  Node both = group(NodeKind::kAnd, {*node, always()});
  *node = std::move(both);
  return change(root);
}

bool ConditionModel::addAlternative(const QModelIndex& index) {
  Node root = root_;
  Node* node = at(root, pathOf(index));
  if (!index.isValid() || node == nullptr) return false;
  if (node->kind == NodeKind::kOr) {
    node->children.push_back(always());
  } else {
    Node either = group(NodeKind::kOr, {*node, always()});
    *node = std::move(either);
  }
  return change(root);
}

bool ConditionModel::remove(const QModelIndex& index) {
  if (!index.isValid()) return false;
  Path path = pathOf(index);
  Node root = root_;
  while (!path.empty()) {
    const std::size_t row = path.back();
    path.pop_back();
    Node* above = at(root, path);
    if (above->kind == NodeKind::kNot) continue;  // what is negated goes with its "not"
    above->children.erase(above->children.begin() + static_cast<std::ptrdiff_t>(row));
    if (above->children.size() == 1) {
      Node only = std::move(above->children.front());
      *above = std::move(only);
    }
    return change(root);
  }
  return change(always());
}

bool ConditionModel::move(const QModelIndex& index, int by) {
  Path path = pathOf(index);
  if (path.empty()) return false;
  const auto row = static_cast<std::ptrdiff_t>(path.back());
  path.pop_back();
  Node root = root_;
  auto& siblings = at(root, path)->children;
  const std::ptrdiff_t to = row + by;
  if (to < 0 || to >= static_cast<std::ptrdiff_t>(siblings.size())) return false;
  std::swap(siblings[static_cast<std::size_t>(row)], siblings[static_cast<std::size_t>(to)]);
  return change(root);
}

bool ConditionModel::negate(const QModelIndex& index) {
  Node root = root_;
  Node* node = at(root, pathOf(index));
  if (!index.isValid() || node == nullptr) return false;
  Node turned = node->kind == NodeKind::kNot ? Node(node->children.front()) : group(NodeKind::kNot, {*node});
  *node = std::move(turned);
  return change(root);
}

bool ConditionModel::turn(const QModelIndex& index) {
  Node root = root_;
  Node* node = at(root, pathOf(index));
  if (!index.isValid() || node == nullptr || (node->kind != NodeKind::kAnd && node->kind != NodeKind::kOr))
    return false;
  node->kind = node->kind == NodeKind::kAnd ? NodeKind::kOr : NodeKind::kAnd;
  return change(root);
}

}  // namespace dvpe::studio
