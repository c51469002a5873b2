// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/rules/rules_model.h"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "shared/model/json.h"
#include "studio/features/rules/inspection.h"
#include "studio/widgets/icons.h"

namespace dvpe::studio {

namespace json = boost::json;

namespace {

const std::string kRules = "/body/rules";
constexpr int kPause = 300;  // ms between the last change and looking at it

QString textOf(const json::value* value) {
  if (value == nullptr || !value->is_string()) return {};
  return QString::fromUtf8(value->get_string().data(), static_cast<qsizetype>(value->get_string().size()));
}

QString member(const json::object& of, std::string_view key) { return textOf(of.if_contains(key)); }

QString actionInWords(std::string_view name, const json::object& of) {
  if (name == "showOverlay") return RulesModel::tr("overlay %1").arg(member(of, "overlay"));
  if (name == "replaceSpan") return RulesModel::tr("clip %1 for %2").arg(member(of, "clip"), member(of, "event"));
  if (name == "chooseAudio") return RulesModel::tr("audio in %1").arg(member(of, "language"));
  if (name != "fillBreaks") return QString::fromUtf8(name.data(), static_cast<qsizetype>(name.size()));
  QStringList campaigns;
  if (const json::value* list = of.if_contains("campaigns"); list != nullptr && list->is_array()) {
    for (const json::value& each : list->get_array()) campaigns << textOf(&each);
  }
  if (const json::value* all = of.if_contains("all"); all != nullptr && *all == json::value(true)) {
    campaigns << RulesModel::tr("all campaigns");
  }
  return RulesModel::tr("breaks with %1").arg(campaigns.join(QStringLiteral(", ")));
}

}  // namespace

QString actionsInWords(const json::value* actions) {
  QStringList out;
  if (actions == nullptr || !actions->is_array()) return {};
  for (const json::value& action : actions->get_array()) {
    if (!action.is_object()) continue;
    for (const auto& [name, of] : action.get_object()) {
      if (of.is_object()) out << actionInWords(name, of.get_object());
    }
  }
  return out.join(QStringLiteral("; "));
}

void RulesModel::setDocuments(const std::vector<Document*>& documents) {
  beginResetModel();
  for (const Source& source : sources_) {
    disconnect(source.document, nullptr, this, nullptr);
    if (source.looking) *source.looking = true;
  }
  sources_.clear();
  rows_.clear();
  for (Document* document : documents) {
    const std::size_t number = sources_.size();
    Source& source = sources_.emplace_back(Source{document, document->id(), {}, nullptr});
    readFields(source);
    connect(document, &Document::changed, this,
            [this, number](const std::string& pointer, bool) { changed(number, pointer); });
  }
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    for (Row& row : read(i)) rows_.push_back(std::move(row));
  }
  endResetModel();
  look();
}

void RulesModel::readFields(Source& source) const {
  const auto loaded = model::readDocuments({{source.document->id().toStdString(), source.document->draft()}});
  source.fields.clear();
  for (const auto& [id, ruleset] : loaded.documents.rulesets) source.fields = ruleset.fields;
}

std::vector<RulesModel::Row> RulesModel::read(std::size_t source) const {
  std::vector<Row> out;
  const json::value* list = sources_[source].document->at(kRules);
  if (list == nullptr || !list->is_array()) return out;
  int number = 0;
  for (const json::value& each : list->get_array()) {
    Row row{source, number++, {}, {}, {}, {}, {}};
    if (each.is_object()) {
      row.id = member(each.get_object(), "id");
      row.when = member(each.get_object(), "when");
      row.gives = actionsInWords(each.get_object().if_contains("actions"));
    }
    out.push_back(std::move(row));
  }
  return out;
}

// Rows that are as they were stay; of the others as few as can be come and go, so that selections hold.
void RulesModel::changed(std::size_t source, const std::string& pointer) {
  if (pointer.rfind(kRules, 0) != 0) readFields(sources_[source]);
  std::vector<Row> fresh = read(source);
  const auto of = [source](const Row& row) { return row.source == source; };
  const auto first = static_cast<int>(std::find_if(rows_.begin(), rows_.end(), of) - rows_.begin());
  const auto before = static_cast<int>(std::count_if(rows_.begin(), rows_.end(), of));
  const auto after = static_cast<int>(fresh.size());
  int same = 0, behind = 0;
  const auto old = [&](int i) -> const Row& { return rows_[static_cast<std::size_t>(first + i)]; };
  const auto now = [&](int i) -> const Row& { return fresh[static_cast<std::size_t>(i)]; };
  while (same < std::min(before, after) && old(same).same(now(same))) ++same;
  while (behind < std::min(before, after) - same && old(before - 1 - behind).same(now(after - 1 - behind))) ++behind;
  const int gone = before - same - behind, come = after - same - behind, kept = std::min(gone, come);
  const auto at = [&](int i) { return rows_.begin() + first + i; };
  std::move(fresh.begin() + same, fresh.begin() + same + kept, at(same));
  if (gone > kept) {
    beginRemoveRows({}, first + same + kept, first + same + gone - 1);
    rows_.erase(at(same + kept), at(same + gone));
    endRemoveRows();
  } else if (come > kept) {
    beginInsertRows({}, first + same + kept, first + same + come - 1);
    rows_.insert(at(same + kept), std::make_move_iterator(fresh.begin() + same + kept),
                 std::make_move_iterator(fresh.begin() + same + come));
    endInsertRows();
  }
  for (int i = 0; i < after; ++i) at(i)->rule = i;
  later_.start();
  if (after > 0) emit dataChanged(index(first, 0), index(first + after - 1, kColumns - 1));
}

void RulesModel::setViewer(std::shared_ptr<const rules::AttributeSource> viewer) {
  viewer_ = std::move(viewer);
  if (!rows_.empty()) emit dataChanged(index(0, kVerdict), index(rowCount() - 1, kVerdict));
}

const rules::Condition& RulesModel::conditionOf(const Row& row) const {
  if (!row.condition) {
    const auto compiled = rules::compile(row.when.toStdString(), sources_[row.source].fields);
    row.condition = compiled ? compiled.value() : rules::Condition();
  }
  return *row.condition;
}

// Some time after the last change: it takes a while with many rules.
void RulesModel::look() {
  for (std::size_t i = 0; i < sources_.size(); ++i) look(i);
}

void RulesModel::look(std::size_t number) {
  Source& source = sources_[number];
  if (source.looking) *source.looking = true;
  const auto stop = source.looking = std::make_shared<std::atomic<bool>>(false);
  std::vector<InspectedRule> all;
  const json::value* list = source.document->at(kRules);
  for (const Row& row : rows_) {
    if (row.source != number || list == nullptr) continue;
    const json::value& rule = list->get_array().at(static_cast<std::size_t>(row.rule));
    const json::value* actions = rule.is_object() ? rule.get_object().if_contains("actions") : nullptr;
    all.push_back({row.id, row.when.toStdString(), actions ? *actions : json::value()});
  }
  pool_.start([this, number, stop, all = std::move(all), fields = source.fields] {
    const auto found = std::make_shared<std::vector<QStringList>>(inspect(all, fields, *stop));
    QMetaObject::invokeMethod(
        this,
        [this, number, stop, found] {
          if (*stop) return;  // it is another ruleset by now
          int first = -1, last = -1;
          for (std::size_t i = 0; i < rows_.size(); ++i) {
            Row& row = rows_[i];
            const auto rule = static_cast<std::size_t>(row.rule);
            if (row.source != number || rule >= found->size() || row.badges == (*found)[rule]) continue;
            row.badges = (*found)[rule];
            last = static_cast<int>(i);
            if (first < 0) first = last;
          }
          if (first >= 0) emit dataChanged(index(first, 0), index(last, kColumns - 1));
        },
        Qt::QueuedConnection);
  });
}

RulesModel::RulesModel(QObject* parent) : QAbstractTableModel(parent) {
  pool_.setMaxThreadCount(1);
  later_.setSingleShot(true);
  later_.setInterval(kPause);
  connect(&later_, &QTimer::timeout, this, qOverload<>(&RulesModel::look));
}

RulesModel::~RulesModel() {
  for (const Source& source : sources_) {
    if (source.looking) *source.looking = true;
  }
  pool_.waitForDone();
}

Document* RulesModel::documentAt(int row) const {
  return row >= 0 && row < rowCount() ? sources_[rows_[static_cast<std::size_t>(row)].source].document : nullptr;
}

int RulesModel::ruleAt(int row) const {
  return row >= 0 && row < rowCount() ? rows_[static_cast<std::size_t>(row)].rule : -1;
}

std::string RulesModel::pointerAt(int row) const { return kRules + "/" + std::to_string(ruleAt(row)); }

int RulesModel::rowOf(const Document* document, int rule) const {
  for (int i = 0; i < rowCount(); ++i) {
    if (documentAt(i) == document && ruleAt(i) == rule) return i;
  }
  return -1;
}

const std::vector<model::Field>& RulesModel::fieldsAt(int row) const {
  static const std::vector<model::Field> kNone;
  return row >= 0 && row < rowCount() ? sources_[rows_[static_cast<std::size_t>(row)].source].fields : kNone;
}

std::vector<model::Field> RulesModel::fields() const {
  std::vector<model::Field> out;
  for (const Source& source : sources_) {
    for (const model::Field& field : source.fields) {
      const auto same = [&](const model::Field& each) { return each.path == field.path; };
      if (std::none_of(out.begin(), out.end(), same)) out.push_back(field);
    }
  }
  return out;
}

int RulesModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

int RulesModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant RulesModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
  switch (section) {
    case kNumber:
      return tr("Ruleset");
    case kRule:
      return tr("Rule");
    case kWhen:
      return tr("When");
    case kGives:
      return tr("Gives");
    case kBadges:
      return tr("To look at");
    case kVerdict:
      return tr("For this person");
    default:
      return {};
  }
}

QVariant RulesModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const Row& row = rows_[static_cast<std::size_t>(index.row())];
  if (role == kSearchRole) {
    return QStringList{row.id, row.when, row.gives, sources_[row.source].title}.join(QLatin1Char(' '));
  }
  if (role == kTroubleRole) return !row.badges.isEmpty();
  if (role == Qt::ToolTipRole && index.column() == kWhen) return row.when;
  if (role == Qt::AccessibleTextRole && index.column() == kRule) {
    return row.badges.isEmpty() ? row.id : tr("%1: %2").arg(row.id, row.badges.join(QStringLiteral(", ")));
  }
  if (role == Qt::DecorationRole && index.column() == kBadges && !row.badges.isEmpty()) {
    return icon(QStringLiteral("warning"), Tone::kWarning);
  }
  const bool tells = viewer_ && index.column() == kVerdict && conditionOf(row).program() != nullptr;
  if (tells && (role == Qt::DisplayRole || role == Qt::DecorationRole)) {
    const rules::Verdict verdict = rules::evaluate(conditionOf(row), *viewer_);
    const bool yes = verdict == rules::Verdict::kTrue, no = verdict == rules::Verdict::kFalse;
    if (role == Qt::DisplayRole) return yes ? tr("yes") : no ? tr("no") : tr("unknown");
    return icon(yes  ? QStringLiteral("true")
                : no ? QStringLiteral("false")
                     : QStringLiteral("unknown"),
                yes  ? Tone::kGood
                : no ? Tone::kQuiet
                     : Tone::kWarning);
  }
  if (role != Qt::DisplayRole) return {};
  switch (index.column()) {
    case kNumber:
      return tr("%1 %2").arg(sources_[row.source].title).arg(row.rule + 1);
    case kRule:
      return row.id;
    case kWhen:
      return row.when == QLatin1String("true") ? tr("everybody") : row.when;
    case kGives:
      return row.gives;
    case kBadges:
      return row.badges.join(QStringLiteral(", "));
    default:
      return {};
  }
}

}  // namespace dvpe::studio
