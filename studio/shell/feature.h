// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a feature gives the shell: a page, for whom, and what can be found on it. The shell names no feature; main hands
// them to it. GUI thread.
#pragma once

#include <QList>
#include <QString>
#include <QStringList>
#include <QUndoGroup>
#include <QWidget>
#include <functional>

#include "studio/document/drafts.h"
#include "studio/session/session.h"

namespace dvpe::studio {

// What every feature works with, as long as somebody is signed in.
struct Desk {
  Session& session;
  Drafts& drafts;
  QUndoGroup& undo;
  std::function<void(const QString&)> say;  // a line that is read out, too
};

// An object that the command palette can open.
struct Found {
  QString title, kind;
  std::function<void()> open;
};

class Feature {
 public:
  virtual ~Feature() = default;
  virtual QString id() const = 0;     // unique, for object names and settings
  virtual QString title() const = 0;  // of its page, in the mode bar
  virtual QString icon() const = 0;   // of resources/icons
  // Whose it is: "creator" and so on; empty: everybody's.
  virtual QStringList roles() const = 0;
  // Of docs/guide, for F1: "studio.md#rules".
  virtual QString help() const = 0;
  // Made once somebody signs in; the shell owns it until they sign out. The desk outlives it.
  virtual QWidget* page(Desk& desk) = 0;
  // What of its objects has all these letters in this order; a few, the best first. Only after page().
  virtual QList<Found> find(const QString& /*letters*/) { return {}; }
};

}  // namespace dvpe::studio
