// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// A file as a channel's source: played in real time, looped, with all its audio tracks and captions.
#pragma once

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/ingest/publication.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/media/demuxer.h"

namespace dvpe::ingest {

// Hands a file's packets to a publication when they are due. One thread at a time; reading blocks on the disk.
// Each round of the loop goes on where the last ended, so that time never jumps.
class FileSource {
 public:
  // kUnsupported: no H.264 video, or an audio track that is not AAC.
  static base::Result<std::unique_ptr<FileSource>> open(const std::string& path, const base::Clock& clock);

  // Begins now, or goes on now where it was with another publication. The next call of pump() sends the formats.
  void start(std::unique_ptr<Publication> publication);

  // Sends what is due; the answer is when to call again. kIo, kInvalidInput: the file cannot be read on.
  base::Result<std::chrono::milliseconds> pump();

  std::size_t rounds() const { return rounds_; }

 private:
  FileSource(std::unique_ptr<media::Demuxer> demuxer, const base::Clock& clock)
      : demuxer_(std::move(demuxer)), clock_(clock) {}
  void sendFormats();
  void send(media::DemuxedPacket packet);
  base::Result<bool> next();

  std::unique_ptr<media::Demuxer> demuxer_;
  const base::Clock& clock_;
  std::unique_ptr<Publication> publication_;
  std::vector<int> track_;  // by stream: its number among those of its kind; -1: not used
  std::chrono::steady_clock::time_point begin_{};
  std::optional<media::DemuxedPacket> ahead_;
  base::Ticks offset_{};  // of this round
  base::Ticks end_{};     // the latest end seen in this round
  base::Ticks lastDts_{std::numeric_limits<std::int64_t>::min()};
  std::size_t rounds_ = 0;
  bool formats_ = false;
};

}  // namespace dvpe::ingest
