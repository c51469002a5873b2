// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The page of rules: a list in order, the rule that is chosen, and somebody to try it on. GUI thread.
#pragma once

#include <QSortFilterProxyModel>
#include <QWidget>

#include "studio/features/rules/rules_model.h"
#include "studio/features/rules/rulesets.h"

class QAction;
class QCheckBox;
class QLabel;
class QLineEdit;
class QStackedWidget;
class QTableView;

namespace dvpe::studio {

class ConditionEditor;
class PersonaPanel;

// Rows with all the words of a filter; only those with something to look at, if that is wanted.
class RulesFilter : public QSortFilterProxyModel {
  Q_OBJECT
 public:
  using QSortFilterProxyModel::QSortFilterProxyModel;
  void setWords(const QString& words);
  void setOnlyTrouble(bool only);

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override;

 private:
  QStringList words_;
  bool onlyTrouble_ = false;
};

class RulesPage : public QWidget {
  Q_OBJECT
 public:
  explicit RulesPage(Desk& desk);

  QList<Found> find(const QString& letters);
  // Reads the database again; what is not saved stays.
  void reload() { rulesets_.load(); }
  // The row of the model, or -1.
  int current() const;
  void select(int row);

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void makeList();
  void makeEditor();
  QAction* action(const QString& name, const QString& title, const QString& iconName, const QKeySequence& keys);
  void loaded();
  void rowChosen();
  void showRow();
  void conditionEdited(const QString& text);
  void addRule();
  void removeRule();
  void move(int by);
  void save();
  void submit();
  void showState();

  Desk& desk_;
  Rulesets rulesets_;
  RulesModel* model_;
  RulesFilter* filter_;
  QStackedWidget* pages_;
  QTableView* table_;
  QLineEdit* words_;
  QCheckBox* trouble_;
  QLabel *empty_, *title_, *gives_, *state_;
  QLineEdit* name_;
  QWidget* rule_;
  QWidget* tools_;
  ConditionEditor* condition_;
  PersonaPanel* persona_;
  QAction *save_, *submit_, *remove_, *up_, *down_;
  bool showing_ = false;
};

}  // namespace dvpe::studio
