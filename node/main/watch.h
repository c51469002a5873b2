// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What /metrics shows of the node's parts: each function names counters that the part keeps anyway.
#pragma once

#include <string>

#include "node/control/erasures.h"
#include "node/ingest/rtmp/server.h"
#include "node/ingest/stamper.h"
#include "node/main/channel.h"
#include "node/main/control_plane.h"
#include "node/personalize/director.h"
#include "node/serve/http/server.h"
#include "node/serve/metrics.h"

namespace dvpe::node {

// The parts must live as long as metrics are rendered. Their names and meanings: docs/reference/http.md.
void watchChannel(serve::Metrics& metrics, const std::string& id, const Channel& channel,
                  const ingest::Stamper& stamper);
void watchIngest(serve::Metrics& metrics, const ingest::RtmpServer& server);
void watchErasures(serve::Metrics& metrics, const control::Erasures& erasures);
void watchControl(serve::Metrics& metrics, const ControlPlane& control, const personalize::Director& director);
void watchServing(serve::Metrics& metrics, const personalize::Director& director, const serve::Server& server);
// Nothing, where no other node shares the viewers.
void watchPeers(serve::Metrics& metrics, const personalize::Homes& homes);

}  // namespace dvpe::node
