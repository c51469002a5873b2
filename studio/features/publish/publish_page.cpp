// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/features/publish/publish_page.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QInputDialog>
#include <QLabel>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QTableView>
#include <QTreeWidget>
#include <QVBoxLayout>

#include "studio/features/publish/key_dialog.h"
#include "studio/widgets/icons.h"

namespace dvpe::studio {

namespace {

constexpr int kAgain = 2000;  // ms between looks while the page is shown
constexpr qsizetype kLongest = 300;

QString kindInWords(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::kAdded:
      return PublishPage::tr("new");
    case Difference::Kind::kRemoved:
      return PublishPage::tr("removed");
    case Difference::Kind::kChanged:
      return PublishPage::tr("changed");
    case Difference::Kind::kMoved:
      return PublishPage::tr("moved");
  }
  return {};
}

QString shortened(QString text) {
  text.replace(QLatin1Char('\n'), QLatin1Char(' '));
  return text.size() <= kLongest ? text : text.left(kLongest) + QStringLiteral("…");
}

void asTable(QTableView& table, const char* name, const QString& title) {
  table.setObjectName(QLatin1String(name));
  table.setAccessibleName(title);
  table.setSelectionBehavior(QAbstractItemView::SelectRows);
  table.setSelectionMode(QAbstractItemView::SingleSelection);
  table.setTabKeyNavigation(false);
  table.setShowGrid(false);
  table.setAlternatingRowColors(true);
  table.setWordWrap(false);
  table.verticalHeader()->hide();
  table.verticalHeader()->setDefaultSectionSize(table.fontMetrics().height() + 12);
  table.horizontalHeader()->setHighlightSections(false);
  table.horizontalHeader()->setDefaultAlignment(Qt::AlignLeading | Qt::AlignVCenter);
}

}  // namespace

PublishPage::PublishPage(Desk& desk)
    : desk_(desk),
      board_(desk, this),
      drafts_(new DraftsModel(this)),
      releases_(new ReleasesModel(this)),
      draftsTable_(new QTableView(this)),
      releasesTable_(new QTableView(this)),
      stack_(new QStackedWidget(this)),
      empty_(new QLabel(tr("Nothing waits to be published. What is saved as a draft comes here."), this)),
      title_(new QLabel(this)),
      check_(new ToneLabel(this)),
      differences_(new QTreeWidget(this)),
      approve_(new QPushButton(tr("&Approve"), this)),
      back_(new QPushButton(tr("Send &back…"), this)),
      publish_(new QPushButton(tr("&Publish…"), this)) {
  setObjectName(QStringLiteral("publishPage"));
  makeDrafts();
  makeDetails();
  connect(&board_, &Board::changed, this, &PublishPage::boardChanged);
  connect(&board_, &Board::looked, this, &PublishPage::looked);
  connect(&board_, &Board::done, this, [this](const QString& what) { desk_.say(what); });
  connect(&board_, &Board::failed, this,
          [this](const QString& why) { desk_.say(tr("That was not done: %1").arg(why)); });
  connect(&desk_.session, &Session::stateChanged, this, &PublishPage::showState);
  again_.setInterval(kAgain);
  connect(&again_, &QTimer::timeout, this, [this] {
    if (desk_.session.state() == Session::State::kOnline) board_.refresh();
  });
  rowChosen();
}

void PublishPage::makeDrafts() {
  asTable(*draftsTable_, "draftsTable", tr("What waits to be published"));
  draftsTable_->setModel(drafts_);
  const int letter = fontMetrics().averageCharWidth();
  for (const auto& [column, letters] : {std::pair{DraftsModel::kDocument, 26},
                                        {DraftsModel::kKind, 14},
                                        {DraftsModel::kAuthor, 18},
                                        {DraftsModel::kSaved, 20}}) {
    draftsTable_->horizontalHeader()->resizeSection(column, letters * letter);
  }
  draftsTable_->horizontalHeader()->setSectionResizeMode(DraftsModel::kState, QHeaderView::Stretch);
  connect(draftsTable_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &PublishPage::rowChosen);
  connect(drafts_, &QAbstractItemModel::dataChanged, this, &PublishPage::rowChosen);
  connect(drafts_, &QAbstractItemModel::rowsRemoved, this, &PublishPage::rowChosen);
  asTable(*releasesTable_, "releasesTable", tr("What was published"));
  releasesTable_->setModel(releases_);
  releasesTable_->horizontalHeader()->resizeSection(ReleasesModel::kSequence, 12 * letter);
  releasesTable_->horizontalHeader()->resizeSection(ReleasesModel::kAt, 26 * letter);
  releasesTable_->horizontalHeader()->setSectionResizeMode(ReleasesModel::kState, QHeaderView::Stretch);
  empty_->setObjectName(QStringLiteral("publishEmpty"));
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setWordWrap(true);
  stack_->addWidget(empty_);
  stack_->addWidget(draftsTable_);
}

void PublishPage::makeDetails() {
  QFont bold = title_->font();
  bold.setBold(true);
  title_->setFont(bold);
  title_->setObjectName(QStringLiteral("draftTitle"));
  check_->setObjectName(QStringLiteral("draftCheck"));
  check_->setWordWrap(true);
  check_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  check_->setAccessibleName(tr("Whether it can be published"));
  differences_->setObjectName(QStringLiteral("differences"));
  differences_->setAccessibleName(tr("What is different from what is published"));
  differences_->setRootIsDecorated(false);
  differences_->setUniformRowHeights(true);
  differences_->setAlternatingRowColors(true);
  differences_->setHeaderLabels({tr("What"), tr("Where"), tr("Before"), tr("After")});
  differences_->header()->setStretchLastSection(true);
  const int letter = fontMetrics().averageCharWidth();
  differences_->header()->resizeSection(0, 12 * letter);
  differences_->header()->resizeSection(1, 36 * letter);
  differences_->header()->resizeSection(2, 40 * letter);
  approve_->setObjectName(QStringLiteral("approve"));
  back_->setObjectName(QStringLiteral("sendBack"));
  publish_->setObjectName(QStringLiteral("publish"));
  connect(approve_, &QPushButton::clicked, this, [this] {
    if (const WaitingDraft* draft = current()) board_.review(*draft, true, {});
  });
  connect(back_, &QPushButton::clicked, this, &PublishPage::sendBack);
  connect(publish_, &QPushButton::clicked, this, &PublishPage::publish);

  auto* buttons = new QHBoxLayout;
  buttons->addWidget(title_, 1);
  buttons->addWidget(back_);
  buttons->addWidget(approve_);
  buttons->addWidget(publish_);
  auto* details = new QWidget(this);
  auto* inside = new QVBoxLayout(details);
  inside->setContentsMargins(0, 0, 0, 0);
  inside->addLayout(buttons);
  inside->addWidget(check_);
  inside->addWidget(differences_, 1);
  auto* below = new QWidget(this);
  auto* releases = new QVBoxLayout(below);
  releases->setContentsMargins(0, 0, 0, 0);
  auto* published = new QLabel(tr("P&ublished"), below);
  published->setBuddy(releasesTable_);
  releases->addWidget(published);
  releases->addWidget(releasesTable_, 1);
  auto* splitter = new QSplitter(Qt::Vertical, this);
  splitter->addWidget(stack_);
  splitter->addWidget(details);
  splitter->addWidget(below);
  splitter->setSizes({200, 320, 200});
  splitter->setChildrenCollapsible(false);
  auto* layout = new QVBoxLayout(this);
  layout->addWidget(splitter);
}

void PublishPage::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  board_.refresh();
  again_.start();
}

void PublishPage::hideEvent(QHideEvent* event) {
  again_.stop();
  QWidget::hideEvent(event);
}

const WaitingDraft* PublishPage::current() const { return drafts_->at(draftsTable_->currentIndex().row()); }

void PublishPage::boardChanged() {
  drafts_->setDrafts(board_.drafts());
  releases_->setReleases(board_.releases());
  stack_->setCurrentWidget(drafts_->rowCount() > 0 ? static_cast<QWidget*>(draftsTable_) : empty_);
  if (current() == nullptr && drafts_->rowCount() > 0) draftsTable_->selectRow(0);
  rowChosen();
}

void PublishPage::rowChosen() {
  const WaitingDraft* draft = current();
  const bool same = draft ? shown_ && *shown_ == *draft : !shown_;
  if (!same || !draft) {
    shown_ = draft ? std::optional(*draft) : std::nullopt;
    canBe_ = false;
    differences_->clear();
    title_->setText(draft ? tr("%1 %2, %3").arg(draft->kind, draft->document, stateInWords(*draft))
                          : tr("No draft is chosen"));
    check_->say(draft ? tr("Looking at it…") : QString(), Tone::kQuiet);
    if (draft) board_.look(*draft);
  }
  showState();
}

void PublishPage::looked(const Looked& of) {
  if (!shown_ || shown_->id != of.draft) return;
  canBe_ = of.mistakes.isEmpty();
  if (canBe_) {
    check_->say(tr("It fits together with everything that is published. Differences: %1.").arg(of.differences.size()),
                Tone::kGood);
  } else {
    check_->say(of.mistakes.mid(0, 5).join(QLatin1Char('\n')), Tone::kBad);
  }
  differences_->clear();
  for (const Difference& each : of.differences) {
    const bool moved = each.kind == Difference::Kind::kMoved;
    auto* item = new QTreeWidgetItem(
        {kindInWords(each.kind), each.where, shortened(each.before),
         moved ? (each.after.isEmpty() ? tr("first") : tr("behind %1").arg(each.after)) : shortened(each.after)});
    item->setToolTip(2, each.before);
    item->setToolTip(3, each.after);
    differences_->addTopLevelItem(item);
  }
  showState();
}

void PublishPage::showState() {
  const WaitingDraft* draft = current();
  const bool online = desk_.session.state() == Session::State::kOnline;
  const bool inReview = draft != nullptr && draft->state == QLatin1String("review") && !draft->mine;
  approve_->setEnabled(online && inReview && canBe_);
  back_->setEnabled(online && inReview);
  publish_->setEnabled(online && canBe_ && draft != nullptr && draft->mine &&
                       draft->state == QLatin1String("approved"));
  const QString why =
      draft == nullptr                         ? QString()
      : draft->state == QLatin1String("draft") ? tr("It is still being written: its author gives it to review.")
      : draft->mine && draft->state == QLatin1String("review") ? tr("Somebody else has to approve it first.")
                                                               : QString();
  publish_->setToolTip(why);
}

void PublishPage::publish() {
  const WaitingDraft* draft = current();
  if (draft == nullptr) return;
  auto* dialog = new KeyDialog(
      tr("Revision %1 of the %2 \"%3\" is about to be signed with your key and stored. Every node puts it on air "
         "with the next release.")
          .arg(draft->base + 1)
          .arg(draft->kind, draft->document),
      this);
  connect(dialog, &KeyDialog::given, this, [this, draft = *draft](const QString& file, const QString& passphrase) {
    board_.publish(draft, file, passphrase);
  });
  dialog->open();
}

void PublishPage::sendBack() {
  const WaitingDraft* draft = current();
  if (draft == nullptr) return;
  auto* dialog = new QInputDialog(this);
  dialog->setObjectName(QStringLiteral("remark"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setWindowTitle(tr("Send back"));
  dialog->setLabelText(tr("What should its author know?"));
  connect(dialog, &QInputDialog::textValueSelected, this,
          [this, draft = *draft](const QString& remark) { board_.review(draft, false, remark); });
  dialog->open();
}

QList<Found> PublishPage::find(const QString& letters) {
  QList<Found> out;
  for (int row = 0; row < drafts_->rowCount(); ++row) {
    const WaitingDraft& draft = *drafts_->at(row);
    if (!draft.document.contains(letters, Qt::CaseInsensitive)) continue;
    out.append({draft.document, tr("draft, %1").arg(stateInWords(draft)), [this, id = draft.id] {
                  draftsTable_->selectRow(drafts_->rowOf(id));
                  draftsTable_->setFocus();
                }});
  }
  return out;
}

}  // namespace dvpe::studio
