// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Conditioning: a file becomes a creative, clip or slate that can be placed on any channel of a profile without being
// touched again (design, laws 2 to 4). What comes out is a folder <outFolder>/<first 16 characters of the digest>:
//   media.json       as node/package/creative.h reads it, and what was done to the source
//   <rung>.mp4       one for each rung: init segment, then one closed GOP in one fragment for each unit
//   audio.mp4        AAC-LC from sample 0 on: no priming, no edit list, one frame to spare; -23 LUFS, 10 ms fades
// The folder appears whole or not at all. The same source and profile give the same digest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/model/documents.h"

namespace dvpe::condition {

inline constexpr int kMaxSeconds = 600;        // what is longer is refused
inline constexpr double kTargetLufs = -23.0;   // EBU R 128
inline constexpr double kPeakCeiling = 0.891;  // -1 dBFS: the gain stops there
inline constexpr int kSlateUnits = 4;

struct ConditionOptions {
  std::string file;
  std::string id;  // [A-Za-z0-9_-]{1,64}
  model::Profile profile;
  std::string outFolder;                 // exists
  std::function<void(double)> progress;  // 0 to 1; may be empty
};

struct ConditionReport {
  std::string id;
  std::string digest;  // SHA-256 over the track files in the order of their names
  std::string profile;
  int profileRevision = 0;
  int units = 0;
  std::map<std::string, std::string> tracks;  // rung name or "audio" -> file name
  std::string folder;                         // absolute
  std::string source;                         // the source's file name, without its folder
  bool hasAudio = false;                      // false: the source has none; silence was put in
  std::optional<double> loudness;             // of the source, LUFS; none: silent
  double gain = 0;                            // dB that were applied
  int trimmedMs = 0, paddedMs = 0;            // by the length law; at most one is not 0
  int damagedPackets = 0;                     // skipped; over 2 % the source is refused
  std::vector<std::string> notes;             // sentences for people
};

// In this process and on this thread, for trusted files. Errors: kNotFound, kUnsupported (no allowed container, no
// video, a codec we do not take), kInvalidInput (damaged, empty), kLimitExceeded (over 10 minutes, too large or small,
// or a unit that cannot be kept under the bandwidth that playlists promise), kRefused (a playlist), kIo.
base::Result<ConditionReport> condition(const ConditionOptions& options);

// The same in a child process that may read the source, write below outFolder, and nothing else: for hostile files.
// Blocks; progress is called on this thread. Call it from a program that has not started threads. Besides the above:
// kUnavailable when the child takes longer than `timeout`, kInvalidInput when it dies.
base::Result<ConditionReport> conditionSandboxed(const ConditionOptions& options,
                                                 std::chrono::seconds timeout = std::chrono::minutes(60));

// A slate of our own: a plain mark on a dark ground, silent, kSlateUnits long.
base::Result<ConditionReport> conditionSlate(const model::Profile& profile, const std::string& id,
                                             const std::string& outFolder);

// What media.json says of how the file was made, for those who show it.
base::Result<ConditionReport> readReport(const std::string& folder);

}  // namespace dvpe::condition
