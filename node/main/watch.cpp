// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
#include "node/main/watch.h"

namespace dvpe::node {

namespace {

using serve::Labels;
using serve::Metrics;
using Kind = Metrics::Kind;

// One series, read from an atomic that somebody else counts.
template <typename T>
void add(Metrics& metrics, Kind kind, std::string_view name, std::string_view help, const Labels& labels,
         const std::atomic<T>& value) {
  metrics.observe(kind, name, help, labels, [&value] { return static_cast<double>(value.load()); });
}

void packaged(Metrics& metrics, const Labels& labels, const package::PackagerCounters& c) {
  add(metrics, Kind::kCounter, "dvpe_cells_total", "Segments of the channel's timeline that were listed.", labels,
      c.cells);
  add(metrics, Kind::kCounter, "dvpe_holes_total", "Of these, filled with slate because nothing was rendered.", labels,
      c.holes);
  add(metrics, Kind::kCounter, "dvpe_variants_lost_total",
      "Cohorts that saw the programme because a part of their variant failed.", labels, c.variantsLost);
  add(metrics, Kind::kCounter, "dvpe_write_errors_total", "Segments and journal lines that could not be written.",
      labels, c.writeErrors);
  add(metrics, Kind::kGauge, "dvpe_media_sequence", "The newest media sequence number that is listed.", labels,
      c.lastListedMsn);
}

void stamped(Metrics& metrics, const Labels& labels, const ingest::StamperCounters& c) {
  add(metrics, Kind::kCounter, "dvpe_publications_total", "Times that a publisher or a file began on the channel.",
      labels, c.publications);
  add(metrics, Kind::kCounter, "dvpe_source_lost_total", "Times that the source was silent for half a second.", labels,
      c.lost);
  add(metrics, Kind::kCounter, "dvpe_source_anchors_total", "Times that the source's clock was put on the channel's.",
      labels, c.anchors);
  add(metrics, Kind::kCounter, "dvpe_source_packets_total", "Packets of picture and sound that were stamped.", labels,
      c.packets);
  add(metrics, Kind::kCounter, "dvpe_cues_refused_total", "Cues that could not become a break or an event.", labels,
      c.cuesRefused);
}

void decoded(Metrics& metrics, const std::string& id, const decode::DecodeCounters& c) {
  const auto each = [&](std::string_view name, std::string_view help, const char* fate,
                        const std::atomic<std::uint64_t>& value) {
    add(metrics, Kind::kCounter, name, help, {{"channel", id}, {"fate", fate}}, value);
  };
  const auto picture = [&](const char* fate, const std::atomic<std::uint64_t>& value) {
    each("dvpe_pictures_total", "What became of the source's pictures, and what stood in for those that were missing.",
         fate, value);
  };
  picture("decoded", c.decoded);
  picture("repeated", c.repeated);
  picture("dropped", c.dropped);
  picture("corrupt", c.corrupt);
  picture("slate", c.slate);
  const auto sound = [&](const char* fate, const std::atomic<std::uint64_t>& value) {
    each("dvpe_sound_frames_total", "What became of the source's AAC frames, of all tracks.", fate, value);
  };
  sound("passed", c.audioPassed);
  sound("encoded", c.audioEncoded);
  sound("repeated", c.audioRepeated);
  sound("dropped", c.audioDropped);
  sound("silent", c.audioSilent);
}

}  // namespace

void watchChannel(Metrics& metrics, const std::string& id, const Channel& channel, const ingest::Stamper& stamper) {
  const Labels labels{{"channel", id}};
  packaged(metrics, labels, channel.packager().counters());
  stamped(metrics, labels, stamper.counters());
  decoded(metrics, id, channel.decodeCounters());
  metrics.observe(Kind::kGauge, "dvpe_variants_on_air", "Variants that are being encoded besides the programme.",
                  labels, [&channel] { return channel.variantsOnAir(); });
  metrics.observe(Kind::kGauge, "dvpe_variants_fallen_back",
                  "Variants that are wanted and fall back to the programme for lack of encodes.", labels,
                  [&channel] { return channel.variantsRefused(); });
  metrics.observe(Kind::kGauge, "dvpe_ingest_queue", "Stamped messages that wait for the channel.", labels,
                  [&channel] { return static_cast<double>(channel.queued()); });
}

void watchIngest(Metrics& metrics, const ingest::RtmpServer& server) {
  const ingest::RtmpCounters& c = server.counters();
  add(metrics, Kind::kGauge, "dvpe_rtmp_connections", "Open RTMP and RTMPS connections.", {}, c.connections);
  add(metrics, Kind::kGauge, "dvpe_rtmp_publishing", "Of these, publishing.", {}, c.publishing);
  add(metrics, Kind::kCounter, "dvpe_rtmp_bytes_total", "Bytes that publishers sent.", {}, c.bytesIn);
  const auto refused = [&](const char* why, const std::atomic<std::uint64_t>& value) {
    add(metrics, Kind::kCounter, "dvpe_rtmp_refused_total", "Connections and publications that were refused or closed.",
        {{"why", why}}, value);
  };
  refused("connection", c.refusedConnections);
  refused("publish", c.refusedPublishes);
  refused("protocol", c.protocolErrors);
  refused("timeout", c.timeouts);
  refused("tls", c.tlsFailures);
  refused("revoked", c.revoked);
  add(metrics, Kind::kCounter, "dvpe_rtmp_packets_dropped_total",
      "Packets of publishers that were corrupt or waited for a key frame.", {}, c.droppedPackets);
}

void watchErasures(Metrics& metrics, const control::Erasures& erasures) {
  const control::ErasureCounters& c = erasures.counters();
  add(metrics, Kind::kCounter, "dvpe_erasures_asked_total", "Viewers of this node who asked to be forgotten.", {},
      c.asked);
  add(metrics, Kind::kCounter, "dvpe_erasures_done_total", "Requests of the database that were done here.", {}, c.done);
  add(metrics, Kind::kCounter, "dvpe_erasures_errors_total", "Tries that failed, and are tried again.", {}, c.errors);
  metrics.observe(Kind::kGauge, "dvpe_erasures_waiting", "Requests that the database has not got yet.", {},
                  [&erasures] { return static_cast<double>(erasures.waiting()); });
}

void watchControl(Metrics& metrics, const ControlPlane& control, const personalize::Director& director) {
  metrics.observe(Kind::kGauge, "dvpe_release_in_force", "The sequence of the release that this node is decided by.",
                  {}, [&control] { return static_cast<double>(control.state().inForce.sequence); });
  metrics.observe(Kind::kGauge, "dvpe_release_behind",
                  "1 while a release is in force elsewhere that this node does not have: it is not ready for viewers.",
                  {}, [&control] { return control.behind() ? 1 : 0; });
  metrics.observe(Kind::kGauge, "dvpe_release_refused",
                  "1 when the last release that came was refused; the last good one stays. The log says why.", {},
                  [&control] { return control.state().refused.empty() ? 0 : 1; });
  metrics.observe(Kind::kGauge, "dvpe_release_takeover_seconds", "How long going through all sessions took last.", {},
                  [&director] { return static_cast<double>(director.counters().lastTakeoverMicroseconds) * 1e-6; });
  metrics.observe(Kind::kGauge, "dvpe_database_connected",
                  "1 while the database can be used. Without it a node serves on.", {},
                  [&control] { return control.databaseConnected() ? 1 : 0; });
}

void watchPeers(Metrics& metrics, const personalize::Homes& homes) {
  for (std::size_t i = 0; i < homes.peers().size(); ++i) {
    if (i == homes.self()) continue;
    metrics.observe(Kind::kGauge, "dvpe_peer_up",
                    "1 while a node that shares viewers answers that it is ready: its viewers are sent there.",
                    {{"peer", homes.peers()[i].name}}, [&homes, i] { return homes.up(i) ? 1 : 0; });
  }
}

void watchServing(Metrics& metrics, const personalize::Director& director, const serve::Server& server) {
  metrics.observe(Kind::kGauge, "dvpe_sessions", "Sessions that this node knows.", {},
                  [&director] { return static_cast<double>(director.sessions()); });
  const auto& c = director.counters();
  add(metrics, Kind::kCounter, "dvpe_breaks_contingency_total",
      "Breaks of sessions that were not filled as decided beforehand: they came early, or a ceiling was reached.", {},
      c.contingencies);
  add(metrics, Kind::kCounter, "dvpe_pods_decided_total", "Pods decided ahead of breaks.", {}, c.refreshed);
  metrics.observe(Kind::kCounter, "dvpe_pods_cpu_seconds_total", "CPU time for deciding pods ahead of breaks.", {},
                  [&c] { return static_cast<double>(c.refreshMicroseconds) * 1e-6; });
  add(metrics, Kind::kGauge, "dvpe_pod_age_seconds", "Age of the oldest pod that is held, in the last round.", {},
      c.podAgeSeconds);
  add(metrics, Kind::kCounter, "dvpe_sessions_away_total",
      "Sessions of viewers whose home is another node, which could not take them: caps are unknown.", {}, c.away);
  add(metrics, Kind::kCounter, "dvpe_events_untold_total",
      "What sessions did that could not be recorded, because the events' disk was full.", {}, c.untold);
  add(metrics, Kind::kGauge, "dvpe_plan_number", "Number of the plan of pacing in force; 0: none.", {}, c.plan);
  add(metrics, Kind::kGauge, "dvpe_model_number", "Number of the model that chooses among creatives; 0: none.", {},
      c.model);
  add(metrics, Kind::kGauge, "dvpe_viewer_state_bytes", "Memory of what viewers have been shown.", {}, c.viewerBytes);
  for (int loop = 0; loop < server.loops(); ++loop) {
    const auto& http = server.counters(loop);
    const std::string number = std::to_string(loop);
    for (std::size_t k = 2; k < 6; ++k) {
      add(metrics, Kind::kCounter, "dvpe_http_requests_total", "Requests answered, by class of status.",
          {{"loop", number}, {"code", std::to_string(k) + "xx"}}, http.requests[k]);
    }
    add(metrics, Kind::kGauge, "dvpe_http_connections", "Open connections.", {{"loop", number}}, http.openConnections);
  }
}

}  // namespace dvpe::node
