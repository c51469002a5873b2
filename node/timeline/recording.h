// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Record and replay of the stamped stream (design, law 1). File: the line "DVPE-STAMPED 1", then records of
// u32 length (big endian, of what follows), u8 type ('J' a message as JSON, 'V' 'v' 'A' 'a' as packed below).
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "node/timeline/stamped.h"
#include "shared/base/result.h"

namespace dvpe::timeline {

// Writes what it is given and hands it on. One thread at a time. A full disk ends the recording, not the channel.
class Recorder {
 public:
  static base::Result<std::unique_ptr<Recorder>> create(const std::string& path);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  void write(const StampedMessage& message);
  bool broken() const { return broken_; }

 private:
  explicit Recorder(std::FILE* file) : file_(file) {}
  std::FILE* file_;
  bool broken_ = false;
};

// Reads a recording front to back. Records over 16 MiB are refused.
class Replay {
 public:
  static base::Result<std::unique_ptr<Replay>> open(const std::string& path);
  ~Replay();
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  // Nothing: the end, also when the last record was cut off by a crash.
  base::Result<std::optional<StampedMessage>> next();

 private:
  explicit Replay(std::FILE* file) : file_(file) {}
  std::FILE* file_;
};

}  // namespace dvpe::timeline
