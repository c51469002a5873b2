// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What the RTMP server counts, for metrics. All monotonic but the two gauges. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

namespace dvpe::ingest {

struct RtmpCounters {
  using Counter = std::atomic<std::uint64_t>;
  Counter accepted{0};            // connections
  Counter refusedConnections{0};  // over a cap, or an address with failing TLS handshakes
  Counter connections{0};         // gauge: open now
  Counter publishing{0};          // gauge: publications now
  Counter published{0};           // publications that began
  Counter refusedPublishes{0};    // unknown key, already publishing, bad name
  Counter protocolErrors{0};      // connections closed for what they sent
  Counter timeouts{0};            // handshake, publish, idle, write
  Counter tlsFailures{0};
  Counter revoked{0};  // closed because somebody took over, or the channel went
  Counter bytesIn{0};
  Counter videoPackets{0};
  Counter audioPackets{0};
  Counter droppedPackets{0};   // corrupt, or waiting for a key frame
  Counter ignoredMessages{0};  // out of state, unknown, unreadable data
  Counter cues{0};
  Counter pauses{0};  // times that reading stopped because the node was behind
};

}  // namespace dvpe::ingest
