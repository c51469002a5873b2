// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A viewer's media playlist from the skeleton and what was decided for them. The request path: no lock, no call, and no
// allocation once the body has its size.
#pragma once

#include <string>
#include <string_view>

#include "node/personalize/session_view.h"
#include "node/serve/playlists/skeleton.h"

namespace dvpe::serve {

// What stands after "/c/{channel}/{profile}/{rendition}/{cell start}/" in a captions playlist where a viewer is shown
// something of their own: a segment without captions.
inline constexpr std::string_view kNoCaptions = "none.vtt";

// Appends the playlist of one rendition (its place in ChannelFacts::renditions) to body. A function of its arguments:
// equal on every node, and for a listed cell equal for ever.
void assemble(const ChannelFacts& facts, const Window& window, std::size_t rendition,
              const personalize::SessionView& session, std::string& body);

}  // namespace dvpe::serve
