// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// What a protocol (RTMP, a file, later SRT) hands to ingest: media in the source's own time, before it is stamped.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace dvpe::ingest {

// A cue as a protocol carries it (onCuePoint, onAdCue, onTextData), before law 2 has its say.
struct SourceCue {
  enum class Kind { kBreakStart, kBreakEnd, kMark };
  Kind kind = Kind::kBreakStart;
  std::string id;                  // empty: made up by ingest
  std::string name;                // kMark: what rules call it
  double durationSeconds = 0;      // 0: the channel's default
  std::int64_t sourceTimeMs = -1;  // in the source's time; -1: now
  std::map<std::string, std::string> values;
};

// One publisher on one channel, from acceptance to end. Calls come from one thread at a time, in the order received.
// Times are milliseconds of the source, unwrapped to 64 bits (2^24 and 2^32 have been seen to), in decode order.
class Publication {
 public:
  virtual ~Publication() = default;  // destroying it ends the publication
  virtual void videoFormat(base::SharedBytes avcc) = 0;
  virtual void video(std::int64_t dtsMs, std::int32_t compositionMs, bool key, base::SharedBytes data,
                     std::chrono::steady_clock::time_point arrived) = 0;
  virtual void audioFormat(int track, std::string language, base::SharedBytes asc) = 0;
  virtual void audio(int track, std::int64_t ptsMs, base::SharedBytes data) = 0;
  virtual void cue(SourceCue cue) = 0;
  // A caption of a text track (files; RTMP has none).
  virtual void caption(int track, std::string language, std::int64_t startMs, std::int64_t endMs, std::string text) = 0;
  // False: the node is behind; read nothing more from the source until it is true (bounded queue, reliability row 9).
  virtual bool wantsMore() const = 0;
  // True: somebody took over or the channel is gone; close.
  virtual bool revoked() const = 0;
};

// Decides who may publish. Thread-safe; called from the server's thread.
class PublicationDesk {
 public:
  virtual ~PublicationDesk() = default;
  // streamKey: as received, at most 128 characters. Compared in constant time through its keyed hash, never logged.
  // kRefused: unknown key; kConflict: somebody publishes already and the channel does not allow take-over.
  virtual base::Result<std::unique_ptr<Publication>> open(std::string_view streamKey, std::string_view protocol) = 0;
};

}  // namespace dvpe::ingest
