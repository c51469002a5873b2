// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A condition as text and as a tree, side by side and in step: one parser, nothing lost. While the text has mistakes
// the tree shows what was last right, greyed, and the first mistake is said in words and underlined. GUI thread.
#pragma once

#include <QVariant>
#include <QWidget>
#include <vector>

#include "shared/model/documents.h"
#include "studio/widgets/condition_model.h"
#include "studio/widgets/theme.h"

class QAction;
class QPlainTextEdit;
class QTimer;
class QTreeView;

namespace dvpe::studio {

class ConditionEditor : public QWidget {
  Q_OBJECT
 public:
  explicit ConditionEditor(QWidget* parent = nullptr);

  // The fields that may be named: mistakes of types are told, and values proposed.
  void setFields(std::vector<model::Field> fields);
  const std::vector<model::Field>& fields() const { return fields_; }
  // Not told of by textEdited().
  void setText(const QString& text);
  QString text() const;
  // What takes the focus, as it is read.
  QList<QWidget*> inOrder() const;
  bool good() const { return mistakes_.empty(); }
  // For whom the verdicts are; null: nobody. Stays as long as it is not replaced.
  void setViewer(std::shared_ptr<const rules::AttributeSource> viewer);

 signals:
  // By the person, in whichever of the two; also while it has mistakes.
  void textEdited(const QString& text);

 private:
  void makeActions();
  QAction* addAction(const QString& name, const QString& title, const QString& icon, const QKeySequence& keys,
                     bool (ConditionModel::*what)(const QModelIndex&));
  void treeEdited(const QString& text);
  void read();
  void showMistakes();
  void explain();
  void expand();
  QModelIndex current() const;

  std::vector<model::Field> fields_;
  std::shared_ptr<const rules::AttributeSource> viewer_;
  std::vector<rules::Mistake> mistakes_;
  rules::Condition condition_;
  ConditionModel* model_;
  QTreeView* tree_;
  QPlainTextEdit* edit_;
  ToneLabel* says_;
  QWidget* buttons_;
  QTimer* later_;
  QVariant currentId_;
  bool setting_ = false;
};

}  // namespace dvpe::studio
