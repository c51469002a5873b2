// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/publish/publish_model.h"

#include <algorithm>

#include "studio/widgets/icons.h"

namespace dvpe::studio {

QString stateInWords(const WaitingDraft& draft) {
  if (draft.state == QLatin1String("review")) return DraftsModel::tr("in review");
  if (draft.state == QLatin1String("approved")) return DraftsModel::tr("approved, to be published");
  return DraftsModel::tr("being written");
}

QString stateInWords(const PublishedRelease& release) {
  if (release.refused > 0)
    return ReleasesModel::tr("refused, nodes: %1: %2")
        .arg(release.refused)
        .arg(release.reason.section(QLatin1Char('\n'), 0, 0));
  if (!release.inForce) return ReleasesModel::tr("on its way to the nodes");
  if (release.nodes == 0) return ReleasesModel::tr("in force; no node has spoken");
  return ReleasesModel::tr("in force on %1 of %2 nodes").arg(release.have).arg(release.nodes);
}

// ---- drafts

void DraftsModel::setDrafts(const std::vector<WaitingDraft>& drafts) {
  for (int row = rowCount() - 1; row >= 0; --row) {
    const auto same = [&](const WaitingDraft& each) { return each.id == drafts_[static_cast<std::size_t>(row)].id; };
    if (std::any_of(drafts.begin(), drafts.end(), same)) continue;
    beginRemoveRows({}, row, row);
    drafts_.erase(drafts_.begin() + row);
    endRemoveRows();
  }
  for (const WaitingDraft& draft : drafts) {
    const int row = rowOf(draft.id);
    if (row < 0) {
      beginInsertRows({}, rowCount(), rowCount());
      drafts_.push_back(draft);
      endInsertRows();
    } else if (!(drafts_[static_cast<std::size_t>(row)] == draft)) {
      drafts_[static_cast<std::size_t>(row)] = draft;
      emit dataChanged(index(row, 0), index(row, kColumns - 1));
    }
  }
}

const WaitingDraft* DraftsModel::at(int row) const {
  return row >= 0 && row < rowCount() ? &drafts_[static_cast<std::size_t>(row)] : nullptr;
}

int DraftsModel::rowOf(const QString& id) const {
  const auto found =
      std::find_if(drafts_.begin(), drafts_.end(), [&](const WaitingDraft& each) { return each.id == id; });
  return found == drafts_.end() ? -1 : static_cast<int>(found - drafts_.begin());
}

int DraftsModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(drafts_.size());
}
int DraftsModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant DraftsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
  const QString titles[] = {tr("Document"), tr("Kind"), tr("By"), tr("State"), tr("Saved")};
  return section >= 0 && section < kColumns ? titles[section] : QString();
}

QVariant DraftsModel::data(const QModelIndex& index, int role) const {
  const WaitingDraft* draft = at(index.row());
  if (draft == nullptr) return {};
  if (role == Qt::AccessibleTextRole && index.column() == kDocument) {
    return tr("%1 %2, %3").arg(draft->kind, draft->document, stateInWords(*draft));
  }
  if (role != Qt::DisplayRole) return {};
  switch (index.column()) {
    case kDocument:
      return draft->document;
    case kKind:
      return draft->kind;
    case kAuthor:
      return draft->mine ? tr("you") : draft->author;
    case kState:
      return stateInWords(*draft);
    case kSaved:
      return draft->savedAt;
    default:
      return {};
  }
}

// ---- releases

void ReleasesModel::setReleases(const std::vector<PublishedRelease>& releases) {
  const auto has = [](const std::vector<PublishedRelease>& of, qint64 sequence) {
    return std::any_of(of.begin(), of.end(), [&](const PublishedRelease& each) { return each.sequence == sequence; });
  };
  for (int row = rowCount() - 1; row >= 0; --row) {
    if (has(releases, releases_[static_cast<std::size_t>(row)].sequence)) continue;
    beginRemoveRows({}, row, row);
    releases_.erase(releases_.begin() + row);
    endRemoveRows();
  }
  for (std::size_t i = 0; i < releases.size(); ++i) {
    const int row = static_cast<int>(i);
    if (!has(releases_, releases[i].sequence)) {
      beginInsertRows({}, row, row);
      releases_.insert(releases_.begin() + row, releases[i]);
      endInsertRows();
    } else if (!(releases_[i] == releases[i])) {
      releases_[i] = releases[i];
      emit dataChanged(index(row, 0), index(row, kColumns - 1));
    }
  }
}

int ReleasesModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(releases_.size());
}
int ReleasesModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : kColumns; }

QVariant ReleasesModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
  const QString titles[] = {tr("Release"), tr("Made"), tr("Where")};
  return section >= 0 && section < kColumns ? titles[section] : QString();
}

QVariant ReleasesModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const PublishedRelease& release = releases_[static_cast<std::size_t>(index.row())];
  if (index.column() == kState && role == Qt::DecorationRole) {
    return release.refused > 0 ? icon(QStringLiteral("warning"), Tone::kBad)
           : release.inForce   ? icon(QStringLiteral("true"), Tone::kGood)
                               : icon(QStringLiteral("unknown"), Tone::kWarning);
  }
  if (role == Qt::ToolTipRole && index.column() == kState) return release.reason;
  if (role != Qt::DisplayRole) return {};
  switch (index.column()) {
    case kSequence:
      return release.sequence;
    case kAt:
      return release.at;
    case kState:
      return stateInWords(release);
    default:
      return {};
  }
}

}  // namespace dvpe::studio
