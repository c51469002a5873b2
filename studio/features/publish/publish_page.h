// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The page on which drafts become what is on air. GUI thread.
#pragma once

#include <QTimer>
#include <QWidget>

#include "studio/features/publish/publish_model.h"
#include "studio/widgets/theme.h"

class QPushButton;
class QStackedWidget;
class QTableView;
class QTreeWidget;

namespace dvpe::studio {

class PublishPage : public QWidget {
  Q_OBJECT
 public:
  explicit PublishPage(Desk& desk);
  QList<Found> find(const QString& letters);

 protected:
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;

 private:
  void makeDrafts();
  void makeDetails();
  void boardChanged();
  void rowChosen();
  void showState();
  void looked(const Looked& looked);
  void publish();
  void sendBack();
  const WaitingDraft* current() const;

  Desk& desk_;
  Board board_;
  DraftsModel* drafts_;
  ReleasesModel* releases_;
  QTableView *draftsTable_, *releasesTable_;
  QStackedWidget* stack_;
  QLabel *empty_, *title_;
  ToneLabel* check_;
  QTreeWidget* differences_;
  QPushButton *approve_, *back_, *publish_;
  QTimer again_;
  std::optional<WaitingDraft> shown_;
  bool canBe_ = false;  // the draft that is shown has no mistakes
};

}  // namespace dvpe::studio
