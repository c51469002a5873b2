// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The one walk over the rules that both choose() and explain() take, so that they cannot differ.
#pragma once

#include "shared/decisions/explain.h"

namespace dvpe::decisions::impl {

// Fills `choice`; with a report, also why.
void walk(const Compiled& compiled, std::string_view channel, const rules::Attributes& viewer, Choice& choice,
          Report* report);

// Fills a break; with reports of its campaigns (those of the choice, in its order), also why not.
Pod fill(const Compiled& compiled, const Choice& choice, int units, const UnitsOf& lengths, Report* report);

}  // namespace dvpe::decisions::impl
