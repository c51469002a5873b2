// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Icons as masks, painted in the palette's colours of the moment, at any size. GUI thread.
#pragma once

#include <QIcon>

#include "studio/widgets/theme.h"

namespace dvpe::studio {

// resources/icons/<name>.svg in the colour of words; in a tone of its own.
QIcon icon(const QString& name);
QIcon icon(const QString& name, Tone tone);

}  // namespace dvpe::studio
