// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// The ingest side, wired: one thread with the RTMP server, the stampers of all channels and their inlets.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "node/ingest/file/file_source.h"
#include "node/ingest/rtmp/server.h"
#include "node/ingest/stamper.h"
#include "node/ingest/stream_keys.h"
#include "node/main/channel.h"
#include "node/timeline/inlet.h"

namespace dvpe::node {

// start() begins the thread "ingest"; everything inside runs there. Inlets may be asked from any thread.
class Intake final : public ingest::PublicationDesk {
 public:
  Intake(ingest::StreamKeys keys, const base::Clock& clock);
  ~Intake() override;

  // Before start. channel must outlive the intake. file: what plays instead of a publisher's stream; empty: nothing.
  base::Result<void> add(const model::Channel& document, timeline::Grid grid, Channel& channel,
                         const std::string& file);
  // kIo: a port that cannot be had.
  base::Result<void> start(ingest::RtmpOptions rtmp);
  void stop();
  // Who may publish from now on; whoever publishes already goes on. Any thread.
  void setKeys(ingest::StreamKeys keys);

  // Ends the publication of a channel and has its decoders made anew; its time and its viewers go on. Whoever published
  // may come again at once, a file does. Any thread.
  void restart(std::size_t channel);

  timeline::Inlet& inlet(std::size_t channel);
  const ingest::Stamper& stamper(std::size_t channel) const;
  const ingest::RtmpServer& rtmp() const { return *server_; }

  base::Result<std::unique_ptr<ingest::Publication>> open(std::string_view streamKey,
                                                          std::string_view protocol) override;

 private:
  class ChannelInlet;
  struct Entry;
  void tick();
  void play(Entry& entry);

  ingest::StreamKeys keys_;
  const base::Clock& clock_;
  boost::asio::io_context context_{1};
  std::vector<std::unique_ptr<Entry>> entries_;
  std::unique_ptr<ingest::RtmpServer> server_;
  struct Ticker;
  std::unique_ptr<Ticker> ticker_;
  std::thread thread_;
};

}  // namespace dvpe::node
