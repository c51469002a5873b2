// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Logging: spdlog to stderr, one line per event, key=value pairs after the words. Never secrets, never personal data.
#pragma once

#include <spdlog/spdlog.h>

namespace dvpe::base {

// Call once, at start-up. level: error, warn, info, debug. json writes one JSON object per line.
void setupLog(const std::string& level, bool json);

}  // namespace dvpe::base
