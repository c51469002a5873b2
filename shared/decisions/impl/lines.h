// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A campaign's lines laid out for deciding: everything but their conditions.
#pragma once

#include "shared/decisions/compiled.h"

namespace dvpe::decisions::impl {

// An arm that is not there (which the documents' own check reports) has no viewers.
ArmOf armOf(const model::Documents& documents, const model::ArmName& name);

// line: null for a campaign in short. categories: the channel's, which grow. What cannot be laid out is a mistake: an
// unknown time zone, a creative that is not there.
CompiledLine layOut(const model::Documents& documents, const model::Channel& channel, const model::Campaign& campaign,
                    const model::Line* line, std::vector<std::string>& categories,
                    std::vector<model::DocumentError>& errors);

// Whether a line's dayparts are open. zone: its campaign's; null: UTC.
bool inDayparts(const model::Line& line, const date::time_zone* zone, base::WallTime at);

// An instant on the clock of a zone; `otherwise` where a flight is open. A time that a change of the clock leaves out
// or has twice is the earlier one.
base::WallTime instant(model::LocalTime local, const date::time_zone* zone, base::WallTime otherwise);

}  // namespace dvpe::decisions::impl
