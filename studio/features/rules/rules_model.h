// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The rules of all rulesets as rows, in the order in which nodes walk through them. GUI thread.
#pragma once

#include <QAbstractTableModel>
#include <QThreadPool>
#include <QTimer>
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "shared/rules/condition.h"
#include "studio/document/document.h"

namespace dvpe::studio {

class RulesModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { kNumber, kRule, kWhen, kGives, kBadges, kVerdict, kColumns };
  // What a row is found by; whether it has something to be looked at.
  static constexpr int kSearchRole = Qt::UserRole, kTroubleRole = Qt::UserRole + 1;

  explicit RulesModel(QObject* parent = nullptr);
  ~RulesModel() override;

  // documents outlive their rows: this is called again before one goes.
  void setDocuments(const std::vector<Document*>& documents);
  // For whom kVerdict tells; null: nobody.
  void setViewer(std::shared_ptr<const rules::AttributeSource> viewer);

  Document* documentAt(int row) const;
  // The rule's number in its document; -1: there is no such row.
  int ruleAt(int row) const;
  std::string pointerAt(int row) const;  // "/body/rules/3"
  int rowOf(const Document* document, int rule) const;
  const std::vector<model::Field>& fieldsAt(int row) const;
  // Of all rulesets, each path once.
  std::vector<model::Field> fields() const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  // As it was read from the document.
  struct Row {
    std::size_t source = 0;
    int rule = 0;
    QString id, when, gives;
    QStringList badges;                                 // as they were worked out last
    mutable std::optional<rules::Condition> condition;  // without a program: it has mistakes
    bool same(const Row& other) const { return id == other.id && when == other.when && gives == other.gives; }
  };
  struct Source {
    Document* document = nullptr;
    QString title;  // of the ruleset
    std::vector<model::Field> fields;
    std::shared_ptr<std::atomic<bool>> looking;  // set to stop who is at it; null: nobody
  };
  std::vector<Row> read(std::size_t source) const;
  void readFields(Source& source) const;
  void changed(std::size_t source, const std::string& pointer);
  const rules::Condition& conditionOf(const Row& row) const;
  void look();
  void look(std::size_t source);

  std::vector<Source> sources_;
  std::vector<Row> rows_;
  std::shared_ptr<const rules::AttributeSource> viewer_;
  QThreadPool pool_;  // one thread: what somebody should look at is worked out there
  QTimer later_;
};

// What a rule's actions give, in a line: "overlay welcome; clips of tea, car in breaks".
QString actionsInWords(const boost::json::value* actions);

}  // namespace dvpe::studio
