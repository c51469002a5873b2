// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What somebody should look at in a ruleset: conditions that cannot be read or are never true, and rules that change
// nothing because earlier ones give the same to the same people. Only what is proved is said. Pure; any thread.
#pragma once

#include <QStringList>
#include <atomic>
#include <boost/json/value.hpp>
#include <vector>

#include "shared/rules/compare.h"

namespace dvpe::studio {

struct InspectedRule {
  QString id;
  std::string when;
  boost::json::value actions;
};

// Of each rule what is to be said, in words. stop: asked now and then; when it is set, what came so far is given.
std::vector<QStringList> inspect(const std::vector<InspectedRule>& rules, const std::vector<model::Field>& fields,
                                 const std::atomic<bool>& stop);

}  // namespace dvpe::studio
