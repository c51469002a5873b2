// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Drafts and releases as rows. GUI thread.
#pragma once

#include <QAbstractTableModel>

#include "studio/features/publish/board.h"

namespace dvpe::studio {

class DraftsModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { kDocument, kKind, kAuthor, kState, kSaved, kColumns };
  using QAbstractTableModel::QAbstractTableModel;

  // Rows that stay keep their place in views.
  void setDrafts(const std::vector<WaitingDraft>& drafts);
  const WaitingDraft* at(int row) const;
  int rowOf(const QString& id) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  std::vector<WaitingDraft> drafts_;
};

class ReleasesModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { kSequence, kAt, kState, kColumns };
  using QAbstractTableModel::QAbstractTableModel;

  // The newest first, each sequence once.
  void setReleases(const std::vector<PublishedRelease>& releases);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  std::vector<PublishedRelease> releases_;
};

// "in review", ...
QString stateInWords(const WaitingDraft& draft);
QString stateInWords(const PublishedRelease& release);

}  // namespace dvpe::studio
