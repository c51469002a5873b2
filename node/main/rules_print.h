// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// How the commands `rules …` say things, as text and as JSON (docs/reference/sessions.md).
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "shared/rehearsal/comparison.h"

namespace dvpe::node {

// Line, session, viewer, channel, moment and break.
boost::json::object sessionJson(const rehearsal::Session& session);
// Cohort, overlays, clips, audio, slots, slateUnits.
boost::json::object namedJson(const rehearsal::Named& named);
// "2026-06-01T20:00:00Z"
std::string moment(base::WallTime at);
// "1 session", "2 sessions"
std::string counted(std::int64_t n, const std::string& what);
// "41.7 %", of 0: "-"
std::string share(std::int64_t part, std::int64_t whole);

}  // namespace dvpe::node
