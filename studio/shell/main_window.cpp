// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "studio/shell/main_window.h"

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QButtonGroup>
#include <QCloseEvent>
#include <QDialog>
#include <QDir>
#include <QFile>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QLabel>
#include <QMenuBar>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTextBrowser>
#include <QToolButton>
#include <QVBoxLayout>

#include "studio/shell/command_palette.h"
#include "studio/shell/sign_in_page.h"
#include "studio/widgets/icons.h"

namespace dvpe::studio {

namespace {
constexpr int kModeWidth = 84;

// A page of docs/guide: installed, or of the checkout that this program was built in. Empty: it is not there.
QString guide(const QString& page) {
  QStringList folders{QStringLiteral("/usr/share/doc/dvpe-studio/guide")};
  QDir above(QApplication::applicationDirPath());
  for (int i = 0; i < 4; ++i) {
    folders << above.filePath(QStringLiteral("docs/guide"));
    above.cdUp();
  }
  for (const QString& folder : folders) {
    QFile file(QDir(folder).filePath(page));
    if (file.open(QIODevice::ReadOnly)) return QString::fromUtf8(file.readAll());
  }
  return {};
}
}  // namespace

MainWindow::MainWindow(std::vector<std::unique_ptr<Feature>> features)
    : settings_(Settings::load()),
      features_(std::move(features)),
      stack_(new QStackedWidget(this)),
      pages_(new QStackedWidget(this)),
      signIn_(new SignInPage(session_, this)),
      work_(new QWidget(this)),
      bar_(new QWidget(this)),
      barLayout_(new QVBoxLayout(bar_)),
      modes_(new QButtonGroup(this)),
      says_(new QLabel(this)),
      badge_(new QToolButton(this)) {
  setObjectName(QStringLiteral("mainWindow"));
  setWindowTitle(tr("DVPE Studio"));
  resize(1280, 800);
  settings_.apply();

  bar_->setObjectName(QStringLiteral("modeBar"));
  bar_->setAccessibleName(tr("Pages"));
  bar_->setAutoFillBackground(true);
  bar_->setBackgroundRole(QPalette::AlternateBase);
  barLayout_->setContentsMargins(4, 8, 4, 8);
  barLayout_->addStretch(1);
  auto* layout = new QHBoxLayout(work_);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(bar_);
  layout->addWidget(pages_, 1);
  stack_->addWidget(signIn_);
  stack_->addWidget(work_);
  setCentralWidget(stack_);

  says_->setObjectName(QStringLiteral("says"));
  says_->setContentsMargins(8, 0, 8, 0);
  badge_->setObjectName(QStringLiteral("badge"));
  badge_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  badge_->setAutoRaise(true);
  statusBar()->addWidget(says_, 1);
  statusBar()->addPermanentWidget(badge_);
  statusBar()->setSizeGripEnabled(false);
  connect(badge_, &QToolButton::clicked, this, &MainWindow::badgePressed);
  connect(&session_, &Session::stateChanged, this, &MainWindow::sessionChanged);
  connect(&session_, &Session::refused, this, [this](const QString& why) {
    if (stack_->currentWidget() == work_) say(why);
  });
  makeMenus();
  showBadge();

  qApp->installEventFilter(this);
  idle_.start();
  idleTimer_.setInterval(5000);
  connect(&idleTimer_, &QTimer::timeout, this, [this] {
    const qint64 most = qint64{settings_.lockMinutes} * 60'000;
    if (most > 0 && stack_->currentWidget() == work_ && idle_.elapsed() > most) lock();
  });
  idleTimer_.start();
}

MainWindow::~MainWindow() {
  qApp->removeEventFilter(this);
  leave();
}

QAction* MainWindow::action(QMenu* menu, const QString& name, const QString& title, const QKeySequence& keys,
                            std::function<void()> run) {
  QAction* out = menu->addAction(title);
  out->setObjectName(name);
  out->setShortcut(keys);
  if (run) connect(out, &QAction::triggered, this, [run = std::move(run)] { run(); });
  return out;
}

void MainWindow::makeMenus() {
  QMenu* studio = menuBar()->addMenu(tr("&Studio"));
  action(studio, QStringLiteral("find"), tr("&Find and do…"), QKeySequence(Qt::CTRL | Qt::Key_K),
         [this] { openPalette(); });
  studio->addSeparator();
  action(studio, QStringLiteral("lock"), tr("&Lock"), QKeySequence(Qt::CTRL | Qt::ALT | Qt::Key_L), [this] { lock(); });
  action(studio, QStringLiteral("signOut"), tr("Sign &out"), {}, [this] {
    leave();
    session_.signOut();
  });
  action(studio, QStringLiteral("quit"), tr("&Quit"), QKeySequence::Quit, [this] { close(); });

  QMenu* edit = menuBar()->addMenu(tr("&Edit"));
  QAction* undo = undo_.createUndoAction(this, tr("&Undo"));
  QAction* redo = undo_.createRedoAction(this, tr("&Redo"));
  undo->setObjectName(QStringLiteral("undo"));
  redo->setObjectName(QStringLiteral("redo"));
  undo->setShortcut(QKeySequence::Undo);
  redo->setShortcut(QKeySequence::Redo);
  edit->addActions({undo, redo});

  QMenu* view = menuBar()->addMenu(tr("&View"));
  auto* themes = new QActionGroup(this);
  for (const auto& [theme, title] : {std::pair{Theme::kLight, tr("&Light")},
                                     {Theme::kDark, tr("&Dark")},
                                     {Theme::kHighContrast, tr("&High contrast")}}) {
    QAction* each =
        action(view, QStringLiteral("theme-") + nameOf(theme), title, {}, [this, theme = theme] { setTheme(theme); });
    each->setCheckable(true);
    each->setChecked(theme == settings_.theme);
    themes->addAction(each);
  }
  view->addSeparator();
  action(view, QStringLiteral("larger"), tr("L&arger text"), QKeySequence::ZoomIn,
         [this] { setTextPercent(settings_.textPercent + 25); });
  action(view, QStringLiteral("smaller"), tr("S&maller text"), QKeySequence::ZoomOut,
         [this] { setTextPercent(settings_.textPercent - 25); });
  action(view, QStringLiteral("normalText"), tr("&Normal text"), QKeySequence(Qt::CTRL | Qt::Key_0),
         [this] { setTextPercent(100); });

  QMenu* helpMenu = menuBar()->addMenu(tr("&Help"));
  action(helpMenu, QStringLiteral("help"), tr("&Guide to this page"), QKeySequence::HelpContents, [this] { help(); });
}

void MainWindow::setTheme(Theme theme) {
  settings_.theme = theme;
  settings_.save();
  settings_.apply();
}

void MainWindow::setTextPercent(int percent) {
  settings_.textPercent = std::clamp(percent, 75, 200);
  settings_.save();
  settings_.apply();
  say(tr("Text has %1 % of its usual size.").arg(settings_.textPercent));
}

// Qt's bridge to screen readers tells of a label whose text is another.
void MainWindow::say(const QString& text) { says_->setText(text); }

// ---- who is there

void MainWindow::sessionChanged() {
  showBadge();
  switch (session_.state()) {
    case Session::State::kOnline:
      enter();
      break;
    case Session::State::kOffline:
      say(tr("The connection is lost: %1. What you write is kept here.").arg(session_.trouble()));
      break;
    case Session::State::kSignedOut:
      stack_->setCurrentWidget(signIn_);
      break;
    case Session::State::kConnecting:
      break;
  }
}

void MainWindow::enter() {
  const QString who = session_.server().title() + QLatin1Char('\n') + session_.login();
  idle_.restart();
  if (whose_ != who) {
    leave();
    whose_ = who;
    drafts_ = std::make_unique<Drafts>(session_.server().title(), session_.login());
    connect(drafts_.get(), &Drafts::failed, this, &MainWindow::say);
    desk_.reset(new Desk{session_, *drafts_, undo_, [this](const QString& text) { say(text); }});
    for (const auto& feature : features_) {
      const QStringList roles = feature->roles();
      const auto has = [this](const QString& role) { return session_.person().roles.contains(role); };
      if (!roles.isEmpty() && std::none_of(roles.begin(), roles.end(), has)) continue;
      auto* mode = new QToolButton(bar_);
      mode->setObjectName(QStringLiteral("mode-") + feature->id());
      mode->setText(feature->title());
      mode->setAccessibleName(feature->title());
      mode->setIcon(icon(feature->icon()));
      mode->setIconSize(QSize(28, 28));
      mode->setToolButtonStyle(Qt::ToolButtonTextUnderIcon);
      mode->setCheckable(true);
      mode->setAutoRaise(true);
      mode->setMinimumWidth(kModeWidth);
      modes_->addButton(mode);
      barLayout_->insertWidget(barLayout_->count() - 1, mode);
      pages_->addWidget(feature->page(*desk_));
      shown_.append(feature.get());
      connect(mode, &QToolButton::clicked, this, [this, id = feature->id()] { open(id); });
    }
    if (shown_.isEmpty()) {
      auto* none = new QLabel(tr("Your roles have no page here yet."), pages_);
      none->setObjectName(QStringLiteral("noPages"));
      none->setAlignment(Qt::AlignCenter);
      pages_->addWidget(none);
    } else {
      open(shown_.first()->id());
    }
  }
  stack_->setCurrentWidget(work_);
  say(tr("Signed in as %1, %2.").arg(session_.person().fullName, session_.person().organisation));
}

// Pages go; what was not saved is on disk.
void MainWindow::leave() {
  if (drafts_) drafts_->keepAll();
  whose_.clear();
  shown_.clear();
  while (QWidget* page = pages_->widget(0)) delete page;
  const auto modes = modes_->buttons();
  qDeleteAll(modes);
  desk_.reset();
  drafts_.reset();
}

void MainWindow::lock() {
  if (stack_->currentWidget() != work_) return;
  if (drafts_) drafts_->keepAll();
  const Server server = session_.server();
  const QString login = session_.login();
  session_.signOut();
  signIn_->expect(server, login);
}

bool MainWindow::open(const QString& feature) {
  for (int i = 0; i < shown_.size(); ++i) {
    if (shown_[i]->id() != feature) continue;
    pages_->setCurrentIndex(i);
    const auto modes = modes_->buttons();
    modes[i]->setChecked(true);
    setWindowTitle(tr("%1 – DVPE Studio").arg(shown_[i]->title()));
    return true;
  }
  return false;
}

QString MainWindow::shown() const {
  const int at = pages_->currentIndex();
  return stack_->currentWidget() == work_ && at >= 0 && at < shown_.size() ? shown_[at]->id() : QString();
}

void MainWindow::showBadge() {
  const Session::State state = session_.state();
  const bool online = state == Session::State::kOnline;
  const QString text = online                                 ? tr("Connected")
                       : state == Session::State::kConnecting ? tr("Connecting…")
                       : state == Session::State::kOffline    ? tr("Offline: reconnect")
                                                              : tr("Not signed in");
  badge_->setText(text);
  badge_->setAccessibleName(text);
  badge_->setIcon(
      icon(online ? QStringLiteral("online") : QStringLiteral("offline"), online ? Tone::kGood : Tone::kWarning));
  badge_->setToolTip(online ? session_.server().title() : session_.trouble());
  badge_->setEnabled(online || state == Session::State::kOffline);
}

void MainWindow::badgePressed() {
  if (session_.state() != Session::State::kOffline) {
    say(tr("Connected to %1 as %2.").arg(session_.server().title(), session_.person().name));
    return;
  }
  auto* dialog = new QInputDialog(this);
  dialog->setObjectName(QStringLiteral("reconnect"));
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setWindowTitle(tr("Reconnect"));
  dialog->setLabelText(tr("One-time code of your authenticator"));
  connect(dialog, &QInputDialog::textValueSelected, &session_, &Session::signInAgain);
  dialog->open();
}

// ---- finding

void MainWindow::openPalette() {
  if (stack_->currentWidget() != work_) return;
  (new CommandPalette([this](const QString& letters) { return find(letters); }, this))->open();
}

QList<Found> MainWindow::find(const QString& letters) {
  QList<std::pair<int, Found>> actions;
  const auto offer = [&](const Found& found) {
    const int like = likeness(found.title, letters);
    if (like >= 0) actions.append({like, found});
  };
  for (Feature* each : shown_) offer({each->title(), tr("page"), [this, id = each->id()] { open(id); }});
  const auto plain = [](QString title) { return title.remove(QLatin1Char('&')).remove(QStringLiteral("…")); };
  QWidget* page = pages_->currentWidget();
  for (QWidget* of : {static_cast<QWidget*>(this), page}) {
    for (QAction* each : of ? of->findChildren<QAction*>(
                                  QString(), of == this ? Qt::FindChildrenRecursively : Qt::FindDirectChildrenOnly)
                            : QList<QAction*>{}) {
      const bool ours = of == page || !page || !page->isAncestorOf(qobject_cast<QWidget*>(each->parent()));
      if (!ours || each->objectName().isEmpty() || each->text().isEmpty() || !each->isEnabled()) continue;
      offer({plain(each->text()),
             each->shortcut().isEmpty() ? tr("action") : each->shortcut().toString(QKeySequence::NativeText),
             [action = QPointer<QAction>(each)] {
               if (action) action->trigger();
             }});
    }
  }
  std::stable_sort(actions.begin(), actions.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  QList<Found> out;
  for (const auto& [like, found] : actions) out.append(found);
  if (letters.isEmpty()) return out;
  for (Feature* each : shown_) {
    for (Found& found : each->find(letters)) {
      out.append({found.title, found.kind, [this, id = each->id(), open = found.open] {
                    this->open(id);
                    open();
                  }});
    }
  }
  return out;
}

void MainWindow::help() {
  const int at = pages_->currentIndex();
  const QString page = shown().isEmpty() ? QStringLiteral("studio.md") : shown_[at]->help();
  const QString text = guide(page.section(QLatin1Char('#'), 0, 0));
  if (text.isEmpty()) {
    say(tr("The guide is not installed on this machine."));
    return;
  }
  auto* window = new QDialog(this);
  window->setObjectName(QStringLiteral("guide"));
  window->setAttribute(Qt::WA_DeleteOnClose);
  window->setWindowTitle(tr("Guide"));
  window->resize(720, 600);
  auto* browser = new QTextBrowser(window);
  browser->setObjectName(QStringLiteral("guideText"));
  browser->setAccessibleName(tr("Guide"));
  browser->setMarkdown(text);
  browser->setOpenLinks(false);
  auto* layout = new QVBoxLayout(window);
  layout->addWidget(browser);
  window->show();
  // To the heading, whose words the anchor is made of.
  browser->find(page.section(QLatin1Char('#'), 1).replace(QLatin1Char('-'), QLatin1Char(' ')));
}

// ---- being there

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
  switch (event->type()) {
    case QEvent::KeyPress:
    case QEvent::MouseMove:
    case QEvent::MouseButtonPress:
    case QEvent::Wheel:
    case QEvent::TouchBegin:
      idle_.restart();
      break;
    default:
      break;
  }
  return QMainWindow::eventFilter(watched, event);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (drafts_) drafts_->keepAll();
  QMainWindow::closeEvent(event);
}

}  // namespace dvpe::studio
