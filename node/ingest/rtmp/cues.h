// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Cues that encoders send as AMF data: onCuePoint, onAdCue, onTextData -> SourceCue. README.md holds the mapping.
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "node/ingest/publication.h"
#include "node/ingest/rtmp/amf0.h"

namespace dvpe::ingest::rtmp {

// message: the data message's name; body: its first object; messageMs: when it came, in the source's unwrapped time.
// Nothing: it is no cue, or one that we cannot read. Names, ids and values that come out are short, valid UTF-8 and
// free of control characters; durations are finite and at most a day.
std::optional<SourceCue> cueFrom(std::string_view message, const AmfValue& body, std::int64_t messageMs);

}  // namespace dvpe::ingest::rtmp
