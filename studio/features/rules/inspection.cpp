// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/rules/inspection.h"

#include <QCoreApplication>
#include <QHash>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <optional>

namespace dvpe::studio {

namespace json = boost::json;

namespace {

// Of so many earlier rules with the same target each is compared; more are seldom.
constexpr std::size_t kMostEarlier = 20;

QString tr(const char* text) { return QCoreApplication::translate("Inspection", text); }

std::string member(const json::object& of, std::string_view key) {
  const json::value* found = of.if_contains(key);
  return found != nullptr ? json::serialize(*found) : std::string();
}

// What two actions contradict each other about: of those of one target the earlier rule's wins. Of breaks, which add
// up, the whole: the same campaigns are let in once.
std::vector<std::string> targetsOf(const json::value& actions) {
  std::vector<std::string> out;
  if (!actions.is_array()) return out;
  for (const json::value& action : actions.get_array()) {
    if (!action.is_object()) continue;
    for (const auto& [name, of] : action.get_object()) {
      std::string target(name);
      if (of.is_object()) {
        const json::object& what = of.get_object();
        if (name == "showOverlay") target += member(what, "overlay") + member(what, "event");
        if (name == "replaceSpan") target += member(what, "event");
        if (name == "fillBreaks") target += json::serialize(of);
      }
      out.push_back(std::move(target));
    }
  }
  return out;
}

// Without comments, and with literals as the language writes them.
rules::Node bare(rules::Node node) {
  node.before.clear();
  node.after.clear();
  node.spelling.clear();
  for (rules::Node& child : node.children) child = bare(std::move(child));
  return node;
}

class Inspection {
 public:
  Inspection(const std::vector<InspectedRule>& rules, const std::vector<model::Field>& fields)
      : rules_(rules), fields_(fields) {}

  QStringList look(std::size_t i) {
    QStringList out;
    const InspectedRule& rule = rules_[i];
    const auto compiled = rules::compile(rule.when, fields_);
    conditions_.push_back(compiled ? std::optional(compiled.value()) : std::nullopt);
    const std::vector<std::string> targets = targetsOf(rule.actions);
    if (!compiled) out << tr("condition cannot be read");
    if (targets.empty()) out << tr("gives nothing");
    if (!compiled) return out;
    if (rules::canBeTrue(compiled.value(), fields_).is == rules::Answer::Is::kNo) {
      out << tr("never true");
    } else if (const QString same = sameAs(i); !same.isEmpty()) {
      out << tr("same as %1").arg(same);
    } else if (const QString by = covered(compiled.value(), targets); !by.isEmpty()) {
      out << tr("changes nothing: %1 comes before it").arg(by);
    }
    for (const std::string& target : targets) byTarget_[QByteArray::fromStdString(target)].push_back(i);
    return out;
  }

 private:
  QString sameAs(std::size_t i) {
    const std::string like = rules::print(bare(conditions_[i]->tree())) + "\n" + json::serialize(rules_[i].actions);
    const auto key = QByteArray::fromStdString(like);
    const auto found = first_.constFind(key);
    if (found != first_.constEnd()) return rules_[*found].id;
    first_.insert(key, i);
    return {};
  }

  // Each thing that the rule gives is given to everybody of whom it is true by an earlier one: which, the first.
  QString covered(const rules::Condition& condition, const std::vector<std::string>& targets) {
    QString out;
    for (const std::string& target : targets) {
      const std::vector<std::size_t>& earlier = byTarget_[QByteArray::fromStdString(target)];
      bool found = false;
      for (std::size_t n = 0; n < std::min(earlier.size(), kMostEarlier) && !found; ++n) {
        const auto& other = conditions_[earlier[n]];
        found = other && rules::trueWithout(condition, *other, fields_).is == rules::Answer::Is::kNo;
        if (found && out.isEmpty()) out = rules_[earlier[n]].id;
      }
      if (!found) return {};
    }
    return out;
  }

  const std::vector<InspectedRule>& rules_;
  const std::vector<model::Field>& fields_;
  std::vector<std::optional<rules::Condition>> conditions_;
  QHash<QByteArray, std::size_t> first_;  // condition and actions -> rule
  QHash<QByteArray, std::vector<std::size_t>> byTarget_;
};

}  // namespace

std::vector<QStringList> inspect(const std::vector<InspectedRule>& rules, const std::vector<model::Field>& fields,
                                 const std::atomic<bool>& stop) {
  std::vector<QStringList> out;
  Inspection inspection(rules, fields);
  for (std::size_t i = 0; i < rules.size() && !stop; ++i) out.push_back(inspection.look(i));
  return out;
}

}  // namespace dvpe::studio
