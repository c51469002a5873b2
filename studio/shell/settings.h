// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How this person wants the window: theme and size of text; nothing secret. GUI thread.
#pragma once

#include "studio/widgets/theme.h"

namespace dvpe::studio {

struct Settings {
  Theme theme = Theme::kLight;
  int textPercent = 100;  // 75 to 200
  int lockMinutes = 15;   // without a key or a move of the mouse; 0: never

  static Settings load();
  void save() const;
  // On the whole application.
  void apply() const;
};

}  // namespace dvpe::studio
