// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The DVPE authors
//
// Recordings of sessions: JSON Lines, one viewer at one moment on each (docs/reference/sessions.md). Read one line at a
// time, so that a recording may be larger than memory; only what is known of its viewers is kept.
#pragma once

#include <istream>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/base/ticks.h"
#include "shared/model/reader.h"
#include "shared/rules/attributes.h"

namespace dvpe::rehearsal {

inline constexpr std::size_t kMaxLineBytes = 64 << 10;
inline constexpr std::int64_t kMaxLines = 10'000'000;
inline constexpr std::uint32_t kMaxViewers = 2'000'000;
inline constexpr int kMaxUnits = 3'600;

// What a line says that should come of it; what is absent may be anything.
struct Expectation {
  std::optional<std::string> cohort, audio;
  std::optional<std::vector<std::string>> overlays;         // ids, in any order
  std::optional<std::vector<std::string>> slots;            // "campaign/line", as they play
  std::optional<std::map<std::string, std::string>> clips;  // event -> media

  bool any() const { return cohort || audio || overlays || slots || clips; }
};

// One line: a session at a moment, with the break that it is to have.
struct Session {
  std::int64_t line = 0;           // of the file, from 1
  std::string id;                  // as in the file
  std::string drawId;              // what draws are made of: the bytes of an id as nodes have it, else the id
  std::string viewer;              // empty: known by this session alone
  std::uint32_t viewerNumber = 0;  // from 0, in the order in which viewers come; without one, the session is the viewer
  std::string channel;
  base::WallTime at{};
  std::uint64_t breakNumber = 0;
  std::optional<int> units;  // absent: the channel's default; 0: no break
  rules::Attributes attributes;
  Expectation expect;
};

// Reads a recording. Lines with mistakes are passed over; all mistakes are kept, up to model::kMaxDocumentErrors.
class RecordingReader {
 public:
  // name: of the file, in mistakes ("evening.jsonl:12"). `in` must outlive it.
  RecordingReader(std::istream& in, std::string name);

  // The next session, in the order of the file; nothing at its end.
  std::optional<Session> next();

  bool ok() const { return count_ == 0; }
  std::size_t mistakeCount() const { return count_; }
  std::vector<model::DocumentError> takeMistakes() { return mistakes_.take(); }
  // Something that only who decides can know to be wrong.
  void mistake(const Session& session, std::string path, std::string message);

 private:
  struct Past {
    std::uint32_t number = 0;
    std::uint64_t breakNumber = 0;
    base::WallTime at{};
  };

  bool nextText();
  void note(std::string path, std::string message);
  bool read(Session& out);
  bool follow(Session& out, std::optional<std::int64_t> breakNumber);

  std::istream& in_;
  const std::string name_;
  std::vector<char> buffer_;
  std::string_view text_;
  std::int64_t line_ = 0;
  bool ended_ = false;
  model::Mistakes mistakes_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, Past> viewers_;
};

}  // namespace dvpe::rehearsal
